//! The server's secret key: 32 random bytes in a file of their own, outside the database.
//!
//! It seals what the database must hold but not reveal (private signing keys), and keys the hashes of what the
//! database must compare but not know (addresses, submitted names). Someone who steals only the database has
//! neither.

mod text;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{StatVfsMountFlags, fstatvfs};
use rustix::process::geteuid;
use zeroize::Zeroizing;

pub(crate) use self::text::{SecretText, sha256};
use crate::{files, random};

const KEY_LEN: usize = 32;
/// The first byte of every sealed value, so that another algorithm can follow.
const SEAL_VERSION: u8 = 1;
const FILE_NAME: &str = "secret.key";

/// The secret key. Cheap to clone; prints as `SecretKey(…)`; its bytes are wiped when the last clone is dropped.
///
/// Each use names its purpose, a constant such as `"signing key"`. Purposes have independent subkeys (HKDF-SHA256,
/// RFC 5869), so a value of one purpose is useless in another.
#[derive(Clone)]
pub struct SecretKey(Arc<hkdf::Prk>);

impl SecretKey {
    /// Reads the key from `key_file`, or if that is `None` from `secret.key` in the data directory. Returns `None`
    /// if the data directory has no key yet; a named file must exist.
    ///
    /// # Errors
    /// If the file cannot be read, if other users have access that they should not have, or if it does not contain a
    /// usable key.
    pub fn existing(key_file: Option<&Path>, data_dir: &Path) -> Result<Option<Self>, SecretKeyError> {
        if let Some(path) = key_file {
            return read(path).map(Some);
        }
        match read(&Self::path_in(data_dir)) {
            Err(SecretKeyError::Read { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            outcome => outcome.inspect(|_| remove_unused_keys(data_dir)).map(Some),
        }
    }

    /// Creates the key of a data directory: file mode 0600, directory mode 0700. Processes that start simultaneously
    /// get the same key.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(data_dir: &Path) -> Result<Self, SecretKeyError> {
        let path = Self::path_in(data_dir);
        files::create_private_dir(data_dir)
            .and_then(|()| create(&path))
            .map_err(|cause| SecretKeyError::Create { path: path.clone(), cause })?;
        read(&path).inspect(|_| remove_unused_keys(data_dir))
    }

    /// The path of the key in a data directory.
    #[must_use]
    pub fn path_in(data_dir: &Path) -> PathBuf {
        data_dir.join(FILE_NAME)
    }

    /// Encrypts and authenticates (AES-256-GCM, random nonce). The result is 29 bytes longer than the plaintext.
    #[must_use]
    pub fn seal(&self, purpose: &'static str, plaintext: &[u8]) -> Vec<u8> {
        let mut text = plaintext.to_vec();
        let Ok(nonce) = self.sealing_key(purpose).seal_in_place_append_tag(Aad::from(purpose), &mut text)
        else {
            unreachable!("AES-GCM refuses only plaintexts of 64 GiB (NIST SP 800-38D §5.2.1.1)")
        };
        [&[SEAL_VERSION], nonce.as_ref().as_slice(), &text].concat()
    }

    /// Opens what [`seal`](Self::seal) sealed for the same purpose. The plaintext is wiped when dropped.
    ///
    /// # Errors
    /// [`Unsealable`] if the key or purpose differs, or any byte was changed.
    pub fn open(&self, purpose: &'static str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (version, rest) = sealed.split_first().ok_or(Unsealable)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unsealable)?;
        if *version != SEAL_VERSION {
            return Err(Unsealable);
        }
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .sealing_key(purpose)
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(purpose), &mut text)
            .map_err(|_| Unsealable)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    /// The HMAC-SHA256 of `data` for one purpose. Equal data give equal results, and without the key nobody can tell
    /// which data gave a result.
    #[must_use]
    pub fn mac(&self, purpose: &'static str, data: &[u8]) -> [u8; 32] {
        let info = [b"mac\0".as_slice(), purpose.as_bytes()];
        let Ok(subkey) = self.0.expand(&info, hmac::HMAC_SHA256) else {
            unreachable!("HKDF refuses only outputs over 8160 bytes (RFC 5869 §2.3)")
        };
        let tag = hmac::sign(&hmac::Key::from(subkey), data);
        let mut mac = [0; 32];
        mac.copy_from_slice(tag.as_ref());
        mac
    }

    fn sealing_key(&self, purpose: &'static str) -> RandomizedNonceKey {
        let mut subkey = Zeroizing::new([0; KEY_LEN]);
        let filled = self
            .0
            .expand(&[b"seal\0", purpose.as_bytes()], &AES_256_GCM)
            .and_then(|okm| okm.fill(subkey.as_mut_slice()));
        match filled.and_then(|()| RandomizedNonceKey::new(&AES_256_GCM, subkey.as_slice())) {
            Ok(key) => key,
            Err(_) => {
                unreachable!("HKDF refuses only outputs over 8160 bytes, AES-256 only other lengths than 32")
            }
        }
    }

    fn new(bytes: &[u8; KEY_LEN]) -> Self {
        Self(Arc::new(hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis/1").extract(bytes)))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// A sealed value that cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a sealed value does not open: it was sealed with another secret key or for another purpose, or was changed"
)]
pub struct Unsealable;

/// Why the secret key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKeyError {
    /// The file is missing or unreadable.
    #[error("cannot read the secret key {path}: {cause}. Restore the file from its backup, or correct the setting \
        `secret_key_file`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The first start could not write the key.
    #[error("cannot create the secret key {path}: {cause}. Give the server's user a data directory that it may write \
        (setting `data_dir`), or name an existing key (setting `secret_key_file`)", path = path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The key is missing, but the database contains keys that it sealed.
    #[error("the secret key is missing: there is no {path}, and the database holds signing keys that were sealed with \
        it. Restore the file from its backup, or name it (setting `secret_key_file`). A new key could not open them, \
        so none was created", path = path.display())]
    Missing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// Users other than the owner may read or write the file.
    #[error("the secret key {path} is open to other users (mode {mode:03o}): run `chmod 600 {path}`. If others could \
        have read it, replace the key. A key that another user owns, or that is mounted read-only, may be readable by \
        its group or by all, but writable only by its owner", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The content is not a usable key.
    #[error("the secret key {path} {problem}. A key is one line, 32 random bytes in base64: `openssl rand -base64 32` \
        prints one", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, to follow the file's name.
        problem: &'static str,
    },
}

/// Writes a new key under a temporary name and links it to its final name, so that the name appears once, with its
/// complete content. A process that loses the race leaves the winner's file alone.
fn create(path: &Path) -> io::Result<()> {
    let temporary = path.with_extension(format!("{:016x}.new", u64::from_ne_bytes(random::bytes())));
    let linked = write_new_key(&temporary).and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    let has_lost = |error: &io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => true,
        // The winner has already cleaned up.
        io::ErrorKind::NotFound => path.exists(),
        _ => false,
    };
    match linked {
        Err(error) if !has_lost(&error) => return Err(error),
        Err(_) => {}
        Ok(()) => match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        },
    }
    files::sync_parent(path)
}

/// Removes the temporary keys of first starts that were killed. If that fails, the next start tries again.
fn remove_unused_keys(data_dir: &Path) {
    let Ok(entries) = fs::read_dir(data_dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let middle = name.to_str().and_then(|name| name.strip_prefix("secret.")?.strip_suffix(".new"));
        if middle
            .is_some_and(|middle| middle.len() == 16 && middle.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn write_new_key(path: &Path) -> io::Result<()> {
    let bytes = Zeroizing::new(random::bytes::<KEY_LEN>());
    let line = Zeroizing::new(STANDARD.encode(bytes.as_slice()) + "\n");
    let mut file = files::create_private_file(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

fn read(path: &Path) -> Result<SecretKey, SecretKeyError> {
    let failed = |cause| SecretKeyError::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    // Checked on the open file: its name could point elsewhere by now.
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.mode() & 0o777;
    let is_ours = metadata.uid() == geteuid().as_raw();
    if !is_private(mode, is_ours && !is_read_only(&file)) {
        return Err(SecretKeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut line = Zeroizing::new(String::with_capacity(128));
    file.take(128).read_to_string(&mut line).map_err(failed)?;
    let bytes =
        decode(&line).map_err(|problem| SecretKeyError::Malformed { path: path.to_owned(), problem })?;
    Ok(SecretKey::new(&bytes))
}

/// Nobody but the owner may ever write the key. Others may read it where the server cannot change that: Kubernetes
/// mounts a secret as `root:fsGroup 0440` and Compose as 0444, and there the container isolates it from other users.
fn is_private(mode: u32, is_ours_to_change: bool) -> bool {
    let others_write = mode & 0o022 != 0;
    let others_read = mode & 0o044 != 0;
    !(others_write || others_read && is_ours_to_change)
}

fn is_read_only(file: &File) -> bool {
    fstatvfs(file).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY))
}

fn decode(line: &str) -> Result<Zeroizing<[u8; KEY_LEN]>, &'static str> {
    let mut decoded = Zeroizing::new([0; KEY_LEN + 4]);
    let length = STANDARD
        .decode_slice(line.trim_end(), decoded.as_mut_slice())
        .map_err(|_| "is not 32 bytes in base64")?;
    match decoded.split_first_chunk::<KEY_LEN>() {
        Some((bytes, _)) if length == KEY_LEN && !is_guessable(bytes) => Ok(Zeroizing::new(*bytes)),
        Some(_) if length == KEY_LEN => Err("is a sample or a pass phrase, not random bytes"),
        _ => Err("does not hold exactly 32 bytes"),
    }
}

/// Whether the bytes are all equal, evenly spaced (00 01 02 …), mostly repeated, or readable text. Random bytes
/// match less than once in 10¹² times.
fn is_guessable(bytes: &[u8; KEY_LEN]) -> bool {
    let mut steps = bytes.windows(2).map(|pair| match pair {
        [a, b] => b.wrapping_sub(*a),
        _ => 0,
    });
    let first = steps.next();
    let evenly_spaced = steps.all(|step| Some(step) == first);
    let distinct = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
    evenly_spaced || distinct < 16 || bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Barrier;

    use super::*;

    fn load(dir: &Path) -> Result<SecretKey, SecretKeyError> {
        SecretKey::existing(None, dir)?.map_or_else(|| SecretKey::create(dir), Ok)
    }

    fn write_key(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_first_start_makes_a_private_key_and_the_second_reads_it() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("data");
        let first = load(&dir).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(dir.join("secret.key")).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no temporary file stays");
        assert_eq!(first.mac("test", b"x"), load(&dir).unwrap().mac("test", b"x"));
        assert_eq!(format!("{first:?}"), "SecretKey(…)");
    }

    #[test]
    fn what_a_killed_first_start_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let name = |name: &str| dir.path().join(name);
        write_key(&name("secret.0123456789abcdef.new"), "unused", 0o600);
        for other in ["secret.old.new", "secret.0123456789abcdef.bak", "breaches.filter.new"] {
            fs::write(name(other), "the operator's").unwrap();
        }
        load(dir.path()).unwrap();
        assert!(!name("secret.0123456789abcdef.new").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "the key and three others");
    }

    #[test]
    fn sixteen_first_starts_at_once_agree_on_one_key() {
        let parent = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let dir = parent.path().join(round.to_string());
            let barrier = Barrier::new(16);
            let macs: Vec<_> = std::thread::scope(|scope| {
                let start = || {
                    barrier.wait();
                    load(&dir).unwrap().mac("test", b"x")
                };
                let threads: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(macs.iter().all(|mac| mac == &macs[0]));
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret.key");
        for mode in [0o640, 0o604, 0o620, 0o666] {
            write_key(&path, &STANDARD.encode(random::bytes::<32>()), mode);
            let message = load(dir.path()).unwrap_err().to_string();
            assert!(message.contains("chmod 600"), "{message}");
        }
    }

    #[test]
    fn a_mounted_key_may_be_readable_but_never_writable_by_others() {
        for mode in [0o400, 0o440, 0o444, 0o600, 0o640, 0o644] {
            assert!(is_private(mode, false), "{mode:o}");
            assert_eq!(is_private(mode, true), mode.trailing_zeros() >= 6, "{mode:o}");
        }
        for mode in [0o460, 0o620, 0o660, 0o602, 0o666] {
            assert!(!is_private(mode, false) && !is_private(mode, true), "{mode:o}");
        }
    }

    #[test]
    fn samples_and_wrong_lengths_are_refused() {
        let counting: Vec<u8> = (0..32).collect();
        let repeated = [7, 99, 200, 31].repeat(8);
        let wrong: [&[u8]; 7] = [
            &[0; 32],
            &counting,
            &repeated,
            b"correct horse battery staple 32!",
            &random::bytes::<31>(),
            &random::bytes::<33>(),
            &random::bytes::<64>(),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("my.key");
        for bytes in wrong {
            write_key(&path, &STANDARD.encode(bytes), 0o600);
            let message = SecretKey::existing(Some(&path), dir.path()).unwrap_err().to_string();
            assert!(message.contains("openssl rand -base64 32"), "{message}");
        }
        write_key(&path, &STANDARD.encode(random::bytes::<32>()), 0o400);
        SecretKey::existing(Some(&path), dir.path()).unwrap();
        assert!(!dir.path().join("secret.key").exists());
    }

    #[test]
    fn a_named_key_that_is_missing_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("absent.key");
        assert!(matches!(SecretKey::existing(Some(&path), dir.path()), Err(SecretKeyError::Read { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_seal_opens_only_unchanged_with_its_key_and_purpose() {
        let key = SecretKey::new(&random::bytes());
        let sealed = key.seal("one", b"private");
        assert_eq!(sealed.len(), 29 + 7);
        assert_ne!(sealed, key.seal("one", b"private"), "the nonce is new each time");
        assert_eq!(key.open("one", &sealed).unwrap().as_slice(), b"private");
        assert_eq!(key.open("two", &sealed), Err(Unsealable));
        assert_eq!(SecretKey::new(&random::bytes()).open("one", &sealed), Err(Unsealable));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open("one", &changed), Err(Unsealable), "byte {at}");
            assert_eq!(key.open("one", &sealed[..at]), Err(Unsealable), "cut to {at}");
        }
    }

    #[test]
    fn macs_differ_by_purpose_and_key() {
        let key = SecretKey::new(&random::bytes());
        assert_ne!(key.mac("one", b"x"), key.mac("two", b"x"));
        assert_ne!(key.mac("one", b"x"), SecretKey::new(&random::bytes()).mac("one", b"x"));
    }
}
