//! The SQL of `social_attempts` and `link_proofs`.

use crate::{
    access::SessionId,
    accounts::{Email, FullName},
    clock::Timestamp,
    db::{Conn, execute, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// A browser to be sent to a provider.
pub(super) struct Attempt<'a> {
    pub(super) digest: &'a [u8; 32],
    pub(super) cookie_digest: &'a [u8; 32],
    pub(super) provider: &'a str,
    pub(super) session: Option<SessionId>,
    pub(super) sealed: &'a [u8],
    pub(super) way_back: &'a str,
    pub(super) expires_at: Timestamp,
}

pub(super) async fn insert_attempt(conn: Conn<'_>, attempt: &Attempt<'_>) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO social_attempts (digest, cookie_digest, provider, session_id, sealed, way_back, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        attempt.digest.as_slice(),
        attempt.cookie_digest.as_slice(),
        attempt.provider,
        attempt.session,
        attempt.sealed,
        attempt.way_back,
        attempt.expires_at
    )?;
    Ok(())
}

/// Stores a provider's posted response, once.
pub(super) async fn keep_answer(
    conn: Conn<'_>,
    digest: &[u8; 32],
    provider: &str,
    sealed_answer: &[u8],
    now: Timestamp,
) -> Result<bool> {
    let kept = execute!(
        conn,
        "UPDATE social_attempts SET sealed_answer = $3
         WHERE digest = $1 AND provider = $2 AND sealed_answer IS NULL AND expires_at > $4",
        digest.as_slice(),
        provider,
        sealed_answer,
        now
    )?;
    Ok(kept == 1)
}

/// An attempt whose browser has returned.
pub(super) struct Taken {
    pub(super) session_id: Option<SessionId>,
    pub(super) sealed: Vec<u8>,
    pub(super) sealed_answer: Option<Vec<u8>>,
    pub(super) way_back: String,
}
crate::db::from_row!(Taken { session_id, sealed, sealed_answer, way_back });

/// Uses the attempt, for this browser and this provider: of several concurrent calls, one deletes the row.
pub(super) async fn take_attempt(
    conn: Conn<'_>,
    digest: &[u8; 32],
    cookie_digest: &[u8; 32],
    provider: &str,
    now: Timestamp,
) -> Result<Option<Taken>> {
    fetch_optional!(
        conn,
        Taken,
        "DELETE FROM social_attempts
         WHERE digest = $1 AND cookie_digest = $2 AND provider = $3 AND expires_at > $4
         RETURNING session_id, sealed, sealed_answer, way_back",
        digest.as_slice(),
        cookie_digest.as_slice(),
        provider,
        now
    )
}

/// Deletes the attempt that this browser began with this cookie.
pub(super) async fn delete_attempt_of(conn: Conn<'_>, cookie_digest: &[u8; 32]) -> Result<()> {
    execute!(conn, "DELETE FROM social_attempts WHERE cookie_digest = $1", cookie_digest.as_slice())?;
    Ok(())
}

/// An identity whose address must be proved.
pub(super) struct Proof {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) provider: String,
    pub(super) full_name: Option<FullName>,
    pub(super) email: Option<Email>,
    pub(super) code_mac: Option<Vec<u8>>,
    pub(super) way_back: String,
}
crate::db::from_row!(Proof { issuer, subject, provider, full_name, email, code_mac, way_back });

pub(super) async fn insert_proof(
    conn: Conn<'_>,
    digest: &[u8; 32],
    proof: &Proof,
    expires_at: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO link_proofs (digest, issuer, subject, provider, full_name, way_back, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        digest.as_slice(),
        proof.issuer.as_str(),
        proof.subject.as_str(),
        proof.provider.as_str(),
        proof.full_name.as_ref(),
        proof.way_back.as_str(),
        expires_at
    )?;
    Ok(())
}

pub(super) async fn proof(conn: Conn<'_>, digest: &[u8; 32], now: Timestamp) -> Result<Option<Proof>> {
    fetch_optional!(
        conn,
        Proof,
        "SELECT issuer, subject, provider, full_name, email, code_mac, way_back FROM link_proofs
         WHERE digest = $1 AND expires_at > $2",
        digest.as_slice(),
        now
    )
}

/// Records where a code was sent. An older code becomes invalid.
pub(super) async fn set_code(
    conn: Conn<'_>,
    digest: &[u8; 32],
    email: &Email,
    code_mac: &[u8; 32],
    tries: i64,
) -> Result<()> {
    execute!(
        conn,
        "UPDATE link_proofs SET email = $2, code_mac = $3, tries = $4 WHERE digest = $1",
        digest.as_slice(),
        email,
        code_mac.as_slice(),
        tries
    )?;
    Ok(())
}

/// Counts a try, in one statement before the code is compared.
pub(super) async fn count_try(conn: Conn<'_>, digest: &[u8; 32], now: Timestamp) -> Result<Option<Proof>> {
    fetch_optional!(
        conn,
        Proof,
        "UPDATE link_proofs SET tries = tries - 1
         WHERE digest = $1 AND tries > 0 AND expires_at > $2
         RETURNING issuer, subject, provider, full_name, email, code_mac, way_back",
        digest.as_slice(),
        now
    )
}

pub(super) async fn delete_proof(conn: Conn<'_>, digest: &[u8; 32]) -> Result<()> {
    execute!(conn, "DELETE FROM link_proofs WHERE digest = $1", digest.as_slice())?;
    Ok(())
}

pub(super) async fn delete_expired(conn: Conn<'_>, now: Timestamp) -> Result<u64> {
    let attempts = execute!(conn, "DELETE FROM social_attempts WHERE expires_at <= $1", now)?;
    Ok(attempts + execute!(conn, "DELETE FROM link_proofs WHERE expires_at <= $1", now)?)
}

/// Deletes everyone's.
pub(super) async fn delete_every(conn: Conn<'_>) -> Result<()> {
    execute!(conn, "DELETE FROM social_attempts")?;
    execute!(conn, "DELETE FROM link_proofs")?;
    Ok(())
}
