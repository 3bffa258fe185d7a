//! Refresh tokens (RFC 6749 §1.5, §6; RFC 9700 §4.14.2): one living token per session, replaced at every use.
//!
//! A token consists of the session's id, 32 secret bytes and a tag. The first secret is random; each later one is the
//! HMAC of its predecessor under the server's key. So if a response is lost, *the same* one can be given again, from
//! what the client sends and what the server knows, while the database holds only digests. The tag distinguishes our
//! tokens from made-up ones before the database is queried: guessing costs us nothing and revokes nobody's session,
//! though a session's id is not secret.

use std::{fmt, time::Duration};

use aws_lc_rs::constant_time;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::Granted;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Session, SessionId, device, store};
use crate::{
    accounts,
    app::App,
    client::Client,
    db::retry,
    error::Error,
    events::{self, Event},
    mail::{self, Message, Recipient},
    random,
    secret::{SecretKey, SecretText},
};

/// How long after its use a token still yields the same successor.
const GRACE: Duration = Duration::from_secs(10);
/// The prefix of a token, so that one in a log or a repository is recognised.
const PREFIX: &str = "pcrt_";
const ID: usize = 16;
const SECRET: usize = 32;
const TAG: usize = 16;
/// The length of a token: the prefix, and its bytes in base64.
const LENGTH: usize = PREFIX.len() + (ID + SECRET + TAG) / 3 * 4 + 2;

/// A token that we issued, according to its tag; whether it is still alive, the database decides. It does not print
/// itself.
pub(crate) struct RefreshToken {
    session: SessionId,
    secret: Zeroizing<[u8; SECRET]>,
    tag: [u8; TAG],
}

impl RefreshToken {
    /// The first token of a session.
    pub(super) fn first(key: &SecretKey, session: SessionId) -> Self {
        Self::new(key, session, Zeroizing::new(random::bytes()))
    }

    fn new(key: &SecretKey, session: SessionId, secret: Zeroizing<[u8; SECRET]>) -> Self {
        let tag = tag(key, session, &secret);
        Self { session, secret, tag }
    }

    /// Parses a token; `None` if it is not one of ours.
    pub(crate) fn parse(key: &SecretKey, text: &str) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        let mut bytes = Zeroizing::new([0; ID + SECRET + TAG]);
        let written = URL_SAFE_NO_PAD.decode_slice(text.strip_prefix(PREFIX)?, bytes.as_mut_slice()).ok()?;
        let (id, rest) = bytes.get(..written)?.split_first_chunk::<ID>()?;
        let (secret, presented) = rest.split_first_chunk::<SECRET>()?;
        let token = Self::new(key, SessionId::new(Uuid::from_bytes(*id)), Zeroizing::new(*secret));
        constant_time::verify_slices_are_equal(&token.tag, presented).ok()?;
        Some(token)
    }

    /// The token's text for the client.
    pub(crate) fn text(&self) -> SecretText {
        let bytes =
            Zeroizing::new([self.session.as_bytes().as_slice(), self.secret.as_slice(), &self.tag].concat());
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        SecretText::new(text)
    }

    /// The digest that the database stores.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.text().digest()
    }

    /// The only successor of this token.
    fn successor(&self, key: &SecretKey) -> Self {
        let input = Zeroizing::new([self.session.as_bytes().as_slice(), self.secret.as_slice()].concat());
        Self::new(key, self.session, Zeroizing::new(key.mac("refresh token: successor", &input)))
    }
}

fn tag(key: &SecretKey, session: SessionId, secret: &[u8; SECRET]) -> [u8; TAG] {
    let input = Zeroizing::new([session.as_bytes().as_slice(), secret].concat());
    let mut tag = [0; TAG];
    tag.iter_mut().zip(key.mac("refresh token: tag", &input)).for_each(|(to, from)| *to = from);
    tag
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// The proof that a refresh token was valid, and its successor. Only [`refresh`] creates one.
#[derive(Debug)]
pub(crate) struct Refreshed {
    pub(super) session: Session,
    pub(super) successor: RefreshToken,
}

impl Refreshed {
    pub(crate) fn into_parts(self) -> (Session, RefreshToken) {
        (self.session, self.successor)
    }
}

/// Exchanges a token for its successor; `None` if it is not valid (any more).
///
/// | the token is | then |
/// |---|---|
/// | the living one | it is replaced, in one statement: one of several concurrent calls does it |
/// | its predecessor, replaced less than 10 s ago | the same successor is returned, since a response was lost |
/// | an older one, or the predecessor after that | a replay: the session is revoked and its owner notified |
/// | of an ended session or a disabled account | rejected |
pub(crate) async fn refresh(
    app: &App,
    token: &RefreshToken,
    client: &Client,
) -> Result<Option<Refreshed>, Error> {
    let successor = token.successor(app.secret());
    let (now, digest) = (app.now(), token.digest());
    let rotation = store::Rotation {
        session: token.session,
        old: &digest,
        new: &successor.digest(),
        idle_end: now + app.config().session_idle_ttl,
    };
    if let Some(session) = store::rotate(app.db().single().conn(), &rotation, client, now).await? {
        return Ok(Some(Refreshed { session, successor }));
    }
    let mut reader = app.db().read().await?;
    let rotated = store::rotated_since(reader.conn(), token.session, &digest, now - GRACE, now).await?;
    if let Some(session) = rotated {
        return Ok(Some(Refreshed { session, successor }));
    }
    retry(|| end_replayed(app, token.session, &digest, client)).await?;
    Ok(None)
}

/// Whether the token's session was granted every scope in `scope`. Checked before the exchange, so that a request for
/// too much does not use up the token.
pub(crate) async fn covers(app: &App, token: &RefreshToken, scope: &str) -> Result<bool, Error> {
    if scope.is_empty() {
        return Ok(true);
    }
    let mut reader = app.db().read().await?;
    let granted = store::scope_of(reader.conn(), token.session).await?;
    Ok(granted.is_none_or(|granted| Granted::parse(scope).iter().all(|name| granted.contains(name))))
}

/// Revokes the session if the token was already replaced, and notifies the account's owner.
async fn end_replayed(
    app: &App,
    session: SessionId,
    digest: &[u8; 32],
    client: &Client,
) -> Result<(), Error> {
    let (mut tx, now) = (app.db().begin().await?, app.now());
    let Some(account) = store::account_of(tx.conn(), session).await? else { return Ok(()) };
    // An account that is not active has no living session.
    let Some(held) = accounts::hold_of_session(&mut tx, account).await? else { return Ok(()) };
    let ended = store::end_replayed(tx.conn(), session, digest, now - GRACE, now).await?;
    let Some(user_agent) = ended else { return Ok(()) };
    store::cancel_email_change(tx.conn(), held.id).await?;
    events::record(&mut tx, Event::RefreshTokenReplayed, Some(account), client, now).await?;
    let message = Message::RefreshTokenReplayed { device: device::name(user_agent.as_deref()) };
    mail::enqueue(app, &mut tx, &Recipient::of(&held), &message, now).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Timestamp;

    fn key() -> SecretKey {
        SecretKey::create(tempfile::tempdir().unwrap().path()).unwrap()
    }

    fn session() -> SessionId {
        SessionId::new(random::uuid_v7(Timestamp::from_secs(1)))
    }

    #[test]
    fn a_token_is_read_back_and_has_one_successor() {
        let key = key();
        let first = RefreshToken::first(&key, session());
        assert_eq!(first.text().expose().len(), LENGTH);
        let read = RefreshToken::parse(&key, first.text().expose()).unwrap();
        assert_eq!(read.successor(&key).digest(), first.successor(&key).digest());
        assert_ne!(first.successor(&key).digest(), first.digest());
        assert_ne!(RefreshToken::first(&key, first.session).digest(), first.digest());
        assert_eq!(format!("{first:?}"), "RefreshToken(…)");
    }

    #[test]
    fn without_the_key_no_token_is_made_and_no_successor_told() {
        let (ours, other) = (key(), key());
        let token = RefreshToken::first(&ours, session());
        assert!(RefreshToken::parse(&other, token.text().expose()).is_none());
        assert_ne!(token.successor(&ours).digest(), token.successor(&other).digest());
    }

    #[test]
    fn a_token_that_was_changed_anywhere_is_none() {
        let key = key();
        let token = RefreshToken::first(&key, session()).text();
        let text = token.expose();
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(RefreshToken::parse(&key, &changed).is_none(), "character {at}");
            assert!(RefreshToken::parse(&key, text.get(..at).unwrap()).is_none(), "cut to {at}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_none_is_a_token(text in "(pcrt_)?[A-Za-z0-9_=-]{0,120}|.{0,120}") {
            prop_assert!(RefreshToken::parse(&key(), &text).is_none());
        }
    }
}
