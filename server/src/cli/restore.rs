//! `portcullis restore`: turns a backup into the data of a server that has none. Everything is first unpacked and
//! checked next to its final place. The database is moved last, so an interrupted restore never leaves a partial
//! server.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tar::{Archive, Entry, EntryType};
use uuid::Uuid;

use super::backup::{
    Checksum, DATABASE, END, FORMAT, MANIFEST, Manifest, SECRET_KEY, Temporary, pictures_in,
};
use super::out::say;
use crate::{
    api_keys,
    app::OBJECTS,
    client::Client,
    clock::Clock,
    config::Config,
    db::{DatabaseConfig, DatabaseUrl, Db},
    error::Error,
    events::{self, Event},
    factors, files, groups, mail,
    pictures::{self, FOLDER},
    policy, recovery,
    secret::SecretKey,
    sessions, social,
    tokens::SigningKeys,
};

/// The most bytes of the manifest, and of the secret key.
const SMALL: u64 = 4096;
/// The most bytes of a picture, which is more than the server stores of one.
const PICTURE: u64 = 16 * 1024 * 1024;

/// Restores the whole file, or changes nothing.
pub(super) async fn run(config: &Config, file: &Path) -> Result<(), String> {
    let database = config.sqlite_file().ok_or(
        "`portcullis restore` is for SQLite; restore PostgreSQL with psql or pg_restore. To restore into SQLite, unset \
         `database_url`",
    )?;
    let objects = config.data_dir.join(OBJECTS);
    refuse_existing(&database, &objects.join(FOLDER))?;
    let failed = |cause: io::Error| format!("cannot restore {}: {cause}", file.display());
    files::create_private_dir(&config.data_dir).map_err(failed)?;
    let mut staged = Staged::new(config, &database).map_err(failed)?;
    let manifest = staged.unpack(File::open(file).map_err(failed)?).map_err(failed)?;
    let key = staged.key(config)?;
    renew(&staged, &key).await?;
    staged.put_in_place(config, &database, &objects).map_err(failed)?;
    say(&format!(
        "Restored the backup of {}: the database and {} pictures.",
        manifest.created_at,
        staged.pictures.len()
    ))?;
    say(
        "All sessions and API keys have ended, and emailed links and codes are invalid. Start the server with \
            `portcullis serve`.",
    )
}

fn refuse_existing(database: &Path, pictures: &Path) -> Result<(), String> {
    let unreadable = |cause: io::Error| format!("cannot look for existing data: {cause}");
    let exists = |what: &Path| {
        Err(format!(
            "{} exists already, and restoring never overwrites data; name an empty data directory with --data-dir, or \
             move the old data away",
            what.display()
        ))
    };
    if database.try_exists().map_err(unreadable)? {
        return exists(database);
    }
    if pictures_in(pictures).map_err(unreadable)?.is_empty() { Ok(()) } else { exists(pictures) }
}

/// What was unpacked but not moved into place yet.
struct Staged {
    /// Removed at the end, whether or not the restore succeeds.
    folder: Folder,
    database: Temporary,
    pictures: HashSet<Uuid>,
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // If this fails, the next restore removes it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Staged {
    fn new(config: &Config, database: &Path) -> io::Result<Self> {
        let folder = Folder(config.data_dir.join("restoring"));
        if folder.0.try_exists()? {
            fs::remove_dir_all(&folder.0)?;
        }
        files::create_private_dir(&folder.0.join(OBJECTS).join(FOLDER))?;
        Ok(Self { folder, database: Temporary::beside(database, ".restoring")?, pictures: HashSet::new() })
    }

    fn unpack(&mut self, file: File) -> io::Result<Manifest> {
        let mut archive = Archive::new(file);
        let mut entries = archive.entries()?;
        let first = entries.next().transpose()?.ok_or_else(|| foreign("it is empty"))?;
        let mut checksum = Checksum::new();
        let manifest = manifest(first, &mut checksum)?;
        let mut has_database = false;
        for entry in entries {
            let mut entry = entry?;
            if entry.header().entry_type() != EntryType::Regular {
                return Err(foreign("an entry is not a file"));
            }
            let name = entry.path()?.to_str().unwrap_or_default().to_owned();
            let picture =
                name.strip_prefix(FOLDER).and_then(|name| Uuid::try_parse(name.strip_prefix('/')?).ok());
            match (name.as_str(), picture) {
                (DATABASE, _) if !has_database => {
                    has_database = true;
                    let file = fs::OpenOptions::new().write(true).open(&self.database.path)?;
                    write(&name, &mut entry, file, u64::MAX, &mut checksum)?;
                }
                (END, _) => {
                    let mut expected = String::new();
                    entry.take(SMALL).read_to_string(&mut expected)?;
                    return match (has_database, checksum.hex() == expected) {
                        (true, true) => Ok(manifest),
                        (true, false) => Err(damaged()),
                        (false, _) => Err(foreign("it has no database")),
                    };
                }
                (SECRET_KEY, _) => {
                    let file = files::create_private_file(&self.folder.0.join(SECRET_KEY))?;
                    write(&name, &mut entry, file, SMALL, &mut checksum)?;
                }
                // The file name is made from the ID: a name in the archive never becomes a path.
                (_, Some(id)) => {
                    let path = self.folder.0.join(OBJECTS).join(FOLDER).join(id.to_string());
                    write(&name, &mut entry, files::create_private_file(&path)?, PICTURE, &mut checksum)?;
                    self.pictures.insert(id);
                }
                _ => return Err(foreign("it has an entry that does not belong to a backup")),
            }
        }
        if has_database { Err(cut_off()) } else { Err(foreign("it has no database")) }
    }

    /// The server's own secret key, or the one in the backup.
    fn key(&self, config: &Config) -> Result<SecretKey, String> {
        let of_backup = self.folder.0.join(SECRET_KEY);
        let own = config.secret_key_file();
        let is_missing = matches!(own.try_exists(), Ok(false));
        match (is_missing, of_backup.exists()) {
            (true, false) => Err(format!(
                "the backup does not contain the secret key, and {} does not exist; copy the key there first (mode \
                    0600)",
                own.display()
            )),
            (false, true) if fs::read(&own).ok() != fs::read(&of_backup).ok() => Err(format!(
                "{} is not the secret key of this backup; move it away, so that the backup's own key is used",
                own.display()
            )),
            (_, has_key) => {
                let path = if has_key { of_backup } else { own };
                let key =
                    SecretKey::existing(Some(&path), &config.data_dir).map_err(|error| error.to_string())?;
                key.ok_or_else(|| format!("{} does not exist", path.display()))
            }
        }
    }

    fn put_in_place(&self, config: &Config, database: &Path, objects: &Path) -> io::Result<()> {
        for empty in [objects.join(FOLDER), objects.to_owned()] {
            match fs::remove_dir(&empty) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
                _ => {}
            }
        }
        let (key, own) = (self.folder.0.join(SECRET_KEY), config.secret_key_file());
        if key.try_exists()? && !own.try_exists()? {
            fs::hard_link(&key, &own).and_then(|()| files::sync_parent(&own))?;
        }
        fs::rename(self.folder.0.join(OBJECTS), objects).and_then(|()| files::sync_parent(objects))?;
        // A hard link cannot replace a file, so the database of a server that started meanwhile is kept.
        fs::hard_link(&self.database.path, database).and_then(|()| files::sync_parent(database))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for ending in [".lock", "-wal", "-shm"] {
            let mut path = self.database.path.clone().into_os_string();
            path.push(ending);
            // Most of them do not exist any more.
            let _ = fs::remove_file(path);
        }
    }
}

/// Ends the sessions and invalidates the keys, links and codes of the backup: some may have been revoked, used or
/// stolen since.
async fn renew(staged: &Staged, key: &SecretKey) -> Result<(), String> {
    let db = Db::open(&DatabaseConfig::new(DatabaseUrl::sqlite(&staged.database.path))).await;
    let db = db.map_err(|error| format!("the backup's database cannot be used: {error}"))?;
    let now = Clock::system().now();
    let done = async {
        SigningKeys::open(&db, key, now).await.map_err(|error| error.to_string())?;
        let renewed = async {
            let mut tx = db.begin().await?;
            sessions::end_every(&mut tx, now).await?;
            api_keys::end_every(&mut tx).await?;
            recovery::forget_every_link(&mut tx).await?;
            groups::forget_every_invitation(&mut tx).await?;
            policy::forget_every_link(&mut tx).await?;
            factors::forget_every_step(&mut tx).await?;
            social::forget_every(&mut tx).await?;
            mail::forget_every(&mut tx).await?;
            pictures::forget_lost(&mut tx, |id| {
                Uuid::try_parse(id).is_ok_and(|id| staged.pictures.contains(&id))
            })
            .await?;
            events::record(&mut tx, Event::Restored, None, &Client::local("operator"), now).await?;
            Ok::<_, Error>(tx.commit().await?)
        };
        renewed.await.map_err(|error| error.to_string())
    };
    let done = done.await;
    db.close().await;
    done
}

fn manifest(entry: Entry<'_, File>, checksum: &mut Checksum) -> io::Result<Manifest> {
    if entry.path()? != Path::new(MANIFEST) {
        return Err(foreign("its first entry is not the one of a backup"));
    }
    let (mut text, size) = (String::new(), entry.size());
    checksum.reading(MANIFEST, size, entry.take(SMALL)).read_to_string(&mut text)?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|_| foreign("its first entry cannot be read"))?;
    if manifest.format == FORMAT {
        Ok(manifest)
    } else {
        Err(io::Error::other("a newer version of Portcullis wrote it; restore it with that version"))
    }
}

fn write(
    name: &str,
    entry: &mut Entry<'_, File>,
    mut file: File,
    most: u64,
    checksum: &mut Checksum,
) -> io::Result<()> {
    let size = entry.size();
    if size > most {
        return Err(foreign("an entry is too large"));
    }
    if io::copy(&mut checksum.reading(name, size, entry), &mut file)? != size {
        return Err(cut_off());
    }
    file.sync_all()
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends too early; copy it again")
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the file is damaged: its checksum does not match; copy it again",
    )
}

fn foreign(problem: &str) -> io::Error {
    io::Error::other(format!("the file is not a backup that `portcullis backup` made: {problem}"))
}
