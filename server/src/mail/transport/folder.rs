//! A folder with one file per email, readable by this server's user only.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{files, mail::compose::Outgoing, pool::Pool};

/// Writes an email to disk and returns its path. An email that is sent again replaces its own file.
pub(super) async fn deliver(pool: &Pool<()>, folder: PathBuf, mail: &Outgoing) -> io::Result<PathBuf> {
    let (name, text) = (mail.id.to_string(), mail.text.clone());
    pool.run(move |()| write(&folder, &name, &text)).await.map_err(io::Error::other)?
}

/// Writes the file under a temporary name first, so that a reader of the folder never sees half an email.
fn write(folder: &Path, name: &str, text: &[u8]) -> io::Result<PathBuf> {
    files::create_private_dir(folder)?;
    let path = folder.join(format!("{name}.eml"));
    let temporary = folder.join(format!(".{name}.new"));
    // Left by a process that was killed here.
    match fs::remove_file(&temporary) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut file = files::create_private_file(&temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    files::sync_parent(&path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_mail_is_one_private_file_also_when_it_is_sent_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("mail");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(".one.new"), "left by a crash").unwrap();
        for text in ["first", "again"] {
            let path = write(&folder, "one", text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
