//! The cost of the library's guard without a network, compared with a bare signature check, and for junk.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use axum::extract::FromRequestParts;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::request::Parts;
use portcullis::{AccessTokens, Guard, Scope, tokens::AccessTokensBuilder};
use serde_json::json;

use crate::{
    Failure,
    table::{Table, median, percent},
};

/// Tokens per round; fewer than a verifier caches.
pub(crate) const TOKENS: u32 = 4000;

pub(crate) struct ProfileRead;

impl Scope for ProfileRead {
    const NAME: &'static str = "profile:read";
    const DESCRIPTION: &'static str = "See your profile";
}

pub(crate) fn measure(rounds: u16, table: &mut Table) -> Result<(), Failure> {
    let issuer = Issuer::new()?;
    let tokens: Vec<String> = (0..TOKENS).map(|number| issuer.token(number)).collect();
    let of_another = Issuer::new()?;
    let forged: Vec<String> = (0..TOKENS).map(|number| of_another.token(number)).collect();
    let junk: Vec<String> = tokens.iter().map(|token| token.replace('.', "-")).collect();

    let mut times = [const { Vec::new() }; 5];
    for _ in 0..rounds {
        let verifier = issuer.verifier()?;
        let taken = [
            timed(&tokens, |token| Ok(issuer.checks_bare(token)))?,
            guarded(&tokens, &verifier, true)?,
            guarded(&tokens, &verifier, true)?,
            guarded(&forged, &verifier, false)?,
            guarded(&junk, &verifier, false)?,
        ];
        for (times, taken) in times.iter_mut().zip(taken) {
            times.push(taken);
        }
    }
    let rows = [
        ("bare Ed25519 check of a token", ""),
        ("guard, token not seen before", ""),
        ("guard, token seen before", "≤ 3 µs"),
        ("guard, forged signature refused", ""),
        ("guard, junk refused", "≤ 2 µs"),
    ];
    // Each round's own share: its two measurements are close together in time, so changes of clock speed matter less.
    let [bare, new, ..] = &times;
    let share = percent(new, bare);
    for ((name, aim), times) in rows.into_iter().zip(times) {
        table.row(name, format!("{:.2} µs", median(times)), aim, "in memory, one core");
    }
    table.row("guard, token not seen before, of the bare check", share, "≤ 110 %", "");
    Ok(())
}

/// Microseconds per token through a guard, which must accept all or none.
fn guarded(tokens: &[String], verifier: &AccessTokens, accepts: bool) -> Result<f64, Failure> {
    pass(&mut requests(tokens)?, verifier, accepts)
}

/// The same for existing requests.
pub(crate) fn pass(requests: &mut [Parts], verifier: &AccessTokens, accepts: bool) -> Result<f64, Failure> {
    let began = Instant::now();
    for parts in requests {
        let accepted =
            at_once(Guard::<AccessTokens, ProfileRead>::from_request_parts(parts, verifier))?.is_ok();
        if black_box(accepted) != accepts {
            return Err("the guard answers wrongly".into());
        }
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(TOKENS))
}

fn timed(tokens: &[String], check: impl Fn(&str) -> Result<bool, Failure>) -> Result<f64, Failure> {
    let began = Instant::now();
    for token in tokens {
        if !black_box(check(token)?) {
            return Err("a good signature is refused".into());
        }
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(TOKENS))
}

pub(crate) fn requests(tokens: &[String]) -> Result<Vec<Parts>, Failure> {
    tokens.iter().map(|token| request(token)).collect()
}

fn request(token: &str) -> Result<Parts, Failure> {
    let request = http::Request::builder().header("authorization", format!("Bearer {token}"));
    Ok(request.body(())?.into_parts().0)
}

/// A verifier that has its keys never waits.
fn at_once<F: Future>(future: F) -> Result<F::Output, Failure> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err("the guard waits for something".into()),
    }
}

/// A verifier for the tokens of the [`Issuer`] with these keys.
pub(crate) fn verifier(jwks: &str) -> Result<AccessTokensBuilder, Failure> {
    Ok(AccessTokens::issued_by("https://accounts.example").audience("my-api").keys(jwks)?)
}

pub(crate) struct Issuer {
    key: Ed25519KeyPair,
}

impl Issuer {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { key: Ed25519KeyPair::generate()? })
    }

    fn verifier(&self) -> Result<AccessTokens, Failure> {
        Ok(verifier(&self.jwks())?.build()?)
    }

    /// Its public key.
    pub(crate) fn jwks(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "x": x }] })
            .to_string()
    }

    /// A token like those of the server's login.
    pub(crate) fn token(&self, number: u32) -> String {
        let id = format!("01999999-9999-7999-8999-{number:012}");
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({
            "iss": "https://accounts.example", "aud": "my-api", "sub": number.to_string(), "jti": id, "sid": id,
            "client_id": "portcullis", "scope": "profile:read profile:write", "iat": 1_700_000_000,
            "exp": 4_000_000_000_u32,
        });
        let signed =
            format!("{}.{}", part(json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "1" })), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn checks_bare(&self, token: &str) -> bool {
        let Some((signed, signature)) = token.rsplit_once('.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let key = UnparsedPublicKey::new(&ED25519, self.key.public_key());
        key.verify(signed.as_bytes(), &signature).is_ok()
    }
}
