//! TLS to PostgreSQL, with the same meaning of `sslmode` and `sslrootcert` as in libpq
//! (<https://www.postgresql.org/docs/current/libpq-ssl.html>).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;
use x509_cert::Certificate;
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::der::oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;
use x509_cert::der::{Decode as _, Encode as _};

use super::Error;
use super::url::PostgresTarget;

/// What is verified about the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// Nothing: the connection is encrypted, which protects against passive listeners only.
    Nothing,
    /// A certificate of `sslrootcert` vouches for it.
    Chain,
    /// Also, it names the host.
    ChainAndName,
}

/// The trusted root certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The roots of the operating system.
    System,
    /// The certificates in a PEM file.
    File(PathBuf),
}

/// # Errors
/// [`Error::Tls`] if a file cannot be read.
pub(super) fn connector(target: &PostgresTarget) -> Result<MakeRustlsConnect, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut verifier = Verifier {
        algorithms: provider.signature_verification_algorithms,
        roots: RootCertStore::empty(),
        given: Vec::new(),
        checked: target.checked,
    };
    if target.checked != Checked::Nothing {
        match &target.roots {
            Roots::System => {
                let _ =
                    verifier.roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Roots::File(path) => {
                verifier.given = certificates(path)?;
                let _ = verifier.roots.add_parsable_certificates(verifier.given.iter().cloned());
            }
        }
    }
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match &target.client {
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
            config.with_client_auth_cert(certificates(certificate)?, key).map_err(|error| tls(&error))?
        }
        None => config.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &rustls::pki_types::pem::Error) -> Error {
    Error::Tls(format!("cannot read {}: {error}", path.display()))
}

fn tls(error: &rustls::Error) -> Error {
    Error::Tls(error.to_string())
}

#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    roots: RootCertStore,
    /// The certificates of the file: the server may present one of them, like the self-signed one of PostgreSQL's
    /// manual.
    given: Vec<CertificateDer<'static>>,
    checked: Checked,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.checked == Checked::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        if self.given.contains(shown) {
            is_valid_at(shown, now)?;
        } else {
            let parsed = ParsedCertificate::try_from(shown)?;
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        if self.checked == Checked::ChainAndName {
            names_the_host(shown, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, shown, signature, &self.algorithms)
    }

    /// `openssl x509 -req` in PostgreSQL's manual creates X.509 version 1 certificates, which webpki cannot parse. Only
    /// their key is used.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if ParsedCertificate::try_from(shown).is_ok() {
            return verify_tls13_signature(message, shown, signature, &self.algorithms);
        }
        let key = read(shown)?.tbs_certificate.subject_public_key_info.to_der();
        let key = key.map_err(|_| CertificateError::BadEncoding)?;
        let key = SubjectPublicKeyInfoDer::from(key);
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn read(shown: &CertificateDer<'_>) -> Result<Certificate, CertificateError> {
    Certificate::from_der(shown).map_err(|_| CertificateError::BadEncoding)
}

fn is_valid_at(shown: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let validity = read(shown)?.tbs_certificate.validity;
    let now = now.as_secs();
    if now < validity.not_before.to_unix_duration().as_secs() {
        Err(CertificateError::NotValidYet)
    } else if now > validity.not_after.to_unix_duration().as_secs() {
        Err(CertificateError::Expired)
    } else {
        Ok(())
    }
}

/// Compares the host with the alternative names or, if there are none, with the common name, as libpq does.
fn names_the_host(shown: &CertificateDer<'_>, host: &ServerName<'_>) -> Result<(), rustls::Error> {
    if let Ok(parsed) = ParsedCertificate::try_from(shown)
        && verify_server_name(&parsed, host).is_ok()
    {
        return Ok(());
    }
    let certificate = read(shown)?;
    let extensions = certificate.tbs_certificate.extensions.unwrap_or_default();
    let has_other_names = extensions.iter().any(|extension| extension.extn_id == ID_CE_SUBJECT_ALT_NAME);
    let common_names = certificate.tbs_certificate.subject.0.iter().flat_map(|part| part.0.iter());
    let common_names = common_names.filter(|attribute| attribute.oid == COMMON_NAME);
    let is_named = |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| is_name_of(name, &host.to_str()));
    if !has_other_names && common_names.map(|name| name.value.value()).any(is_named) {
        return Ok(());
    }
    Err(CertificateError::NotValidForName.into())
}

/// `*` stands for the whole first label (RFC 6125 §6.4.3).
fn is_name_of(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(rest) => host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;

    fn named(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    fn verifier(given: &[&CertificateDer<'static>], checked: Checked) -> Verifier {
        let given: Vec<_> = given.iter().map(|one| (*one).clone()).collect();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(given.iter().cloned());
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        Verifier { algorithms, roots, given, checked }
    }

    fn verdict(verifier: &Verifier, shown: &CertificateDer<'_>, host: &str) -> bool {
        let name = ServerName::try_from(host).unwrap();
        verifier.verify_server_cert(shown, &[], &name, &[], UnixTime::now()).is_ok()
    }

    /// `openssl req -new -x509 -subj "/CN=db.example"` creates an authority and a server in one, without other names.
    #[test]
    fn the_self_signed_certificate_of_the_manual_is_believed_where_it_is_given() {
        let mut params = named("db.example");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let shown = params.self_signed(&key).unwrap().der().clone();
        let other = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
        for (given, checked, host, expected) in [
            (&shown, Checked::Chain, "db.example", true),
            (&shown, Checked::Chain, "another.example", true),
            (&shown, Checked::ChainAndName, "db.example", true),
            (&shown, Checked::ChainAndName, "another.example", false),
            (&other, Checked::Chain, "db.example", false),
            (&other, Checked::Nothing, "another.example", true),
        ] {
            assert_eq!(verdict(&verifier(&[given], checked), &shown, host), expected, "{checked:?} {host}");
        }
    }

    #[test]
    fn an_authority_vouches_for_a_server_by_other_names_or_by_its_common_name() {
        let mut params = named("Our authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let root = authority.der().clone();
        let key = KeyPair::generate().unwrap();
        let common = named("*.db.example").signed_by(&key, &authority).unwrap().der().clone();
        let mut params = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "old.example");
        let modern = params.signed_by(&key, &authority).unwrap().der().clone();
        let full = verifier(&[&root], Checked::ChainAndName);
        for (shown, host, expected) in [
            (&common, "one.db.example", true),
            (&common, "db.example", false),
            (&common, "a.one.db.example", false),
            (&modern, "db.example", true),
            (&modern, "DB.example", true),
            // If there are alternative names, the common name is ignored (RFC 6125 §6.4.4).
            (&modern, "old.example", false),
        ] {
            assert_eq!(verdict(&full, shown, host), expected, "{host}");
        }
        assert!(verdict(&verifier(&[&root], Checked::Chain), &modern, "any.example"));
        assert!(!verdict(&verifier(&[], Checked::Chain), &modern, "db.example"));
    }

    #[test]
    fn a_given_certificate_that_has_expired_is_refused() {
        let mut params = named("db.example");
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        let shown = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
        assert!(!verdict(&verifier(&[&shown], Checked::Chain), &shown, "db.example"));
    }
}
