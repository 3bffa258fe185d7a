//! The SQL of `mails`.

use uuid::Uuid;

use crate::{
    accounts::AccountId,
    clock::Timestamp,
    db::{Conn, execute, fetch_all, fetch_one, fetch_optional},
};

type Result<T> = std::result::Result<T, crate::db::Error>;

/// What a row of the queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An email that someone waits for.
    Awaited,
    /// An email about something that has happened.
    Notice,
    /// Becomes an email if there is someone to receive it.
    Question,
}

/// An email that is due to be sent, or a question that is due to be answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) id: Uuid,
    pub(super) attempts: i64,
}
crate::db::from_row!(Due { id, attempts });

/// An email that no other worker sends until the lease expires.
pub(super) struct Claimed {
    pub(super) id: Uuid,
    pub(super) account_id: Option<AccountId>,
    pub(super) sealed: Vec<u8>,
    pub(super) created_at: Timestamp,
    /// Including the attempt that begins.
    pub(super) attempts: i64,
}
crate::db::from_row!(Claimed { id, account_id, sealed, created_at, attempts });

/// The state of the queue.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Emails that are still to be sent, and questions that may become emails.
    pub(crate) waiting: i64,
    /// Those of them that were tried before.
    pub(crate) tried: i64,
    /// When the oldest of them was queued.
    pub(crate) oldest: Option<Timestamp>,
    /// Emails whose delivery failed for good.
    pub(crate) failed: i64,
}
crate::db::from_row!(Figures { waiting, tried, oldest, failed });

pub(super) async fn insert(
    conn: Conn<'_>,
    id: Uuid,
    account: Option<AccountId>,
    kind: Kind,
    sealed: &[u8],
    now: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "INSERT INTO mails (id, account_id, is_question, is_notice, sealed, created_at, next_attempt_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        id,
        account,
        kind == Kind::Question,
        kind == Kind::Notice,
        sealed,
        now
    )?;
    Ok(())
}

/// What is due to be sent or answered: notices last, and what has waited longest first.
pub(super) async fn due(conn: Conn<'_>, are_questions: bool, now: Timestamp, limit: i64) -> Result<Vec<Due>> {
    fetch_all!(
        conn,
        Due,
        "SELECT id, attempts FROM mails WHERE failed_at IS NULL AND next_attempt_at <= $1 AND is_question = $2
         ORDER BY is_notice, next_attempt_at, id LIMIT $3",
        now,
        are_questions,
        limit
    )
}

/// Claims an email until the lease expires; `None` if another worker has claimed or sent it.
pub(super) async fn claim(
    conn: Conn<'_>,
    due: Due,
    now: Timestamp,
    lease_ends_at: Timestamp,
) -> Result<Option<Claimed>> {
    fetch_optional!(
        conn,
        Claimed,
        "UPDATE mails SET attempts = attempts + 1, next_attempt_at = $4
         WHERE id = $1 AND attempts = $2 AND failed_at IS NULL AND next_attempt_at <= $3
         RETURNING id, account_id, sealed, created_at, attempts",
        due.id,
        due.attempts,
        now,
        lease_ends_at
    )
}

/// Deletes all of them, waiting or failed.
pub(super) async fn delete_every(conn: Conn<'_>) -> Result<()> {
    execute!(conn, "DELETE FROM mails")?;
    Ok(())
}

/// Deletes an email that was sent.
pub(super) async fn delete(conn: Conn<'_>, id: Uuid) -> Result<()> {
    execute!(conn, "DELETE FROM mails WHERE id = $1", id)?;
    Ok(())
}

/// Takes a question out of the queue; `None` if another worker has taken or tried it since it was read.
pub(super) async fn take(conn: Conn<'_>, question: Due, now: Timestamp) -> Result<Option<Claimed>> {
    fetch_optional!(
        conn,
        Claimed,
        "DELETE FROM mails WHERE id = $1 AND attempts = $2 AND failed_at IS NULL AND next_attempt_at <= $3
         RETURNING id, account_id, sealed, created_at, attempts",
        question.id,
        question.attempts,
        now
    )
}

/// Returns an unused lease: the email is due, as if it had never been claimed.
pub(super) async fn let_go(conn: Conn<'_>, claimed: &Claimed, attempts: i64, now: Timestamp) -> Result<()> {
    execute!(
        conn,
        "UPDATE mails SET attempts = $3, next_attempt_at = $4 WHERE id = $1 AND attempts = $2",
        claimed.id,
        claimed.attempts,
        attempts,
        now
    )?;
    Ok(())
}

/// Records why an attempt failed and when the next one is, unless the lease has expired and another worker has
/// tried since.
pub(super) async fn postpone(
    conn: Conn<'_>,
    claimed: &Claimed,
    problem: &str,
    next_attempt_at: Timestamp,
) -> Result<()> {
    execute!(
        conn,
        "UPDATE mails SET last_error = $3, next_attempt_at = $4 WHERE id = $1 AND attempts = $2",
        claimed.id,
        claimed.attempts,
        problem,
        next_attempt_at
    )?;
    Ok(())
}

/// Marks an email as failed for good.
pub(super) async fn fail(conn: Conn<'_>, claimed: &Claimed, problem: &str, now: Timestamp) -> Result<()> {
    execute!(
        conn,
        "UPDATE mails SET last_error = $3, failed_at = $4 WHERE id = $1 AND attempts = $2",
        claimed.id,
        claimed.attempts,
        problem,
        now
    )?;
    Ok(())
}

pub(super) async fn delete_failed_before(conn: Conn<'_>, cut: Timestamp) -> Result<u64> {
    execute!(conn, "DELETE FROM mails WHERE failed_at < $1", cut)
}

pub(super) async fn figures(conn: Conn<'_>) -> Result<Figures> {
    fetch_one!(
        conn,
        Figures,
        "SELECT count(CASE WHEN failed_at IS NULL THEN 1 END) AS waiting,
                count(CASE WHEN failed_at IS NULL AND attempts > 0 THEN 1 END) AS tried,
                min(CASE WHEN failed_at IS NULL THEN created_at END) AS oldest,
                count(failed_at) AS failed
         FROM mails"
    )
}

/// The most recent error of an email that is waiting or has failed.
pub(super) async fn last_error(conn: Conn<'_>) -> Result<Option<String>> {
    let row = fetch_optional!(
        conn,
        (String,),
        "SELECT last_error FROM mails WHERE last_error IS NOT NULL
         ORDER BY coalesce(failed_at, next_attempt_at) DESC LIMIT 1"
    )?;
    Ok(row.map(|(text,)| text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    #[tokio::test]
    async fn n02_what_people_wait_for_is_sent_before_notices() {
        let db = Db::in_memory().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let kinds = [Kind::Notice, Kind::Question, Kind::Notice, Kind::Awaited];
        for (number, kind) in (1..).zip(kinds) {
            let (id, now) = (Uuid::from_u128(number), Timestamp::from_secs(number.try_into().unwrap()));
            insert(tx.conn(), id, None, kind, b"sealed", now).await.unwrap();
        }
        let of = |due: Vec<Due>| due.into_iter().map(|due| due.id.as_u128()).collect::<Vec<_>>();
        let now = Timestamp::from_secs(9);
        assert_eq!(of(due(tx.conn(), false, now, 8).await.unwrap()), [4, 1, 3]);
        assert_eq!(of(due(tx.conn(), true, now, 8).await.unwrap()), [2]);
    }
}
