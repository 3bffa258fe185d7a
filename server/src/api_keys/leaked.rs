//! API keys that were found where they should not be: in a repository, a log, a scanner's report.

use std::collections::HashSet;
use std::io::{self, Read};

use portcullis::credential::ApiKeySecret;

use super::{Listed, of_service, record, store};
use crate::{
    access::{By, KeyId},
    accounts::{
        Email,
        service::{self, lock_key_owner, responsible},
    },
    app::App,
    client::Client,
    db::retry,
    error::Error,
    events::Event,
    mail::{self, Message, Recipient},
};

/// The longest run of letters, digits and `_` that is searched. A key has up to 68 characters.
const LONGEST: usize = 1024;

/// Finds each key in a text of any length and format, once, by its form and its checksum. Almost nothing else passes
/// the checksum, so the database is queried for keys alone.
pub(crate) struct Leaked<R> {
    bytes: io::Bytes<io::BufReader<R>>,
    found: HashSet<String>,
}

impl<R: Read> Leaked<R> {
    pub(crate) fn in_text(text: R) -> Self {
        Self { bytes: Read::bytes(io::BufReader::new(text)), found: HashSet::new() }
    }

    /// Returns all keys, or an error if the text cannot be read to its end.
    pub(crate) fn read(mut self) -> io::Result<Vec<ApiKeySecret>> {
        let (mut keys, mut run) = (Vec::new(), String::new());
        loop {
            let byte = self.bytes.next().transpose()?;
            match byte {
                Some(byte) if byte.is_ascii_alphanumeric() || byte == b'_' => {
                    if run.len() <= LONGEST {
                        run.push(char::from(byte));
                    }
                }
                _ => {
                    self.look_at(&run, &mut keys);
                    run.clear();
                }
            }
            if byte.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Also finds the key in `TOKEN_portcullis_…`.
    fn look_at(&mut self, run: &str, keys: &mut Vec<ApiKeySecret>) {
        if run.len() > LONGEST {
            return;
        }
        let parts: Vec<_> = run.split('_').collect();
        for three in parts.windows(3) {
            if let Some(key) = ApiKeySecret::parse(&three.join("_"))
                && self.found.insert(key.text().to_owned())
            {
                keys.push(key);
            }
        }
    }
}

/// A key that was found and deleted.
pub(crate) struct Ended {
    pub(crate) key: Listed,
    /// Those who were notified: nobody if the account is disabled.
    pub(crate) told: Vec<Email>,
}

/// Deletes a key that was found and notifies those responsible for its account. `None` if it is not a key of this server, or no longer valid.
pub(crate) async fn end_leaked(
    app: &App,
    key: &ApiKeySecret,
    client: &Client,
) -> Result<Option<Ended>, Error> {
    let Some(id) = KeyId::of_text(key.id()) else { return Ok(None) };
    let digest = key.stored().digest;
    let owner = store::owner_of(app.db().read().await?.conn(), id, &digest).await?;
    let Some(account) = owner else { return Ok(None) };
    retry(|| async {
        let (mut tx, now) = (app.db().begin().await?, app.now());
        match lock_key_owner(&mut tx, account, By::operator(client), now).await {
            Err(Error::NotFound) => return Ok(None),
            locked => locked?,
        }
        let Some(found) = store::key(tx.conn(), id, now).await? else { return Ok(None) };
        if !store::delete(tx.conn(), id, account, now).await? {
            return Ok(None);
        }
        record(&mut tx, Event::ApiKeyLeaked, &found, client, now).await?;
        let (name, id) = (found.name.clone(), found.shown());
        let message = match service::name(tx.conn(), account).await? {
            None => Message::ApiKeyLeaked { name, id },
            Some(service) => Message::ServiceKeyLeaked { name: of_service(&service, &name), id },
        };
        let mut told = Vec::new();
        for owner in responsible(tx.conn(), account).await? {
            mail::enqueue(app, &mut tx, &Recipient::of(&owner), &message, now).await?;
            told.push(owner.email);
        }
        tx.commit().await?;
        Ok(Some(Ended { key: found, told }))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h07_keys_are_found_in_any_text_by_their_checksum() {
        let (one, other) = (ApiKeySecret::mint("shop").unwrap(), ApiKeySecret::mint("portcullis").unwrap());
        let spoiled = one.text().replace('_', "_x");
        let text = format!(
            "[{{\"token\":\"{}\",\"url\":\"https://x\"}}]\nexport KEY={}\n{}\u{0}{spoiled} TOKEN_{}\n{}",
            one.text(),
            other.text(),
            one.text(),
            other.text(),
            "a_".repeat(5000)
        );
        let found = Leaked::in_text(text.as_bytes()).read().unwrap();
        let found: Vec<_> = found.iter().map(ApiKeySecret::text).collect();
        assert_eq!(found, [one.text(), other.text()]);
    }
}
