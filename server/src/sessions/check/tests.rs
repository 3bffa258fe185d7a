use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::time::timeout;
use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;
use crate::db::{DatabaseConfig, DatabaseUrl, execute};

const NOW: Timestamp = Timestamp::from_secs(100);

struct Given {
    checks: Checks,
    db: Db,
    _dir: tempfile::TempDir,
}

impl Given {
    /// Accounts 1 to 3; account 3 is not active.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(dir.path().join("p.db"));
        let db = Db::open(&DatabaseConfig::new(url)).await.unwrap();
        let given = Self { checks: Checks::new(db.clone(), Clock::fixed(NOW)), db, _dir: dir };
        for (email, active) in [("a", "1"), ("b", "1"), ("c", "0")] {
            let columns = "email, full_name, password_hash, is_active, created_at, updated_at";
            given
                .run(&format!("INSERT INTO accounts ({columns}) VALUES ('{email}', '', '', {active}, 1, 1)"))
                .await;
        }
        given
    }

    async fn run(&self, sql: &str) {
        let mut tx = self.db.begin().await.unwrap();
        execute!(tx.conn(), sql.to_owned().leak()).unwrap();
        tx.commit().await.unwrap();
    }

    async fn begin(&self, number: u128, account: i64, expires_at: i64) -> SessionId {
        let id = Uuid::from_u128(number);
        let (hex, expires_at) = (id.simple(), expires_at * 1_000_000);
        let columns = "id, account_id, created_at, expires_at";
        self.run(&format!("INSERT INTO sessions ({columns}) VALUES (x'{hex}', {account}, 1, {expires_at})"))
            .await;
        SessionId::new(id)
    }

    /// Keeps every reader thread busy until this is dropped.
    fn hold_readers(&self) -> impl Drop + use<> {
        self.db.hold_readers()
    }

    fn is_at_rest(&self) -> bool {
        let queue = self.checks.0.queue();
        queue.runs == 0 && queue.waiting.is_empty()
    }
}

/// Requests all of them concurrently.
async fn ask(checks: &Checks, asked: &[(SessionId, AccountId)]) -> Vec<bool> {
    let asking: Vec<_> = asked
        .iter()
        .map(|&(session, account)| {
            let checks = checks.clone();
            tokio::spawn(async move { checks.principal(session, account).await.unwrap().is_some() })
        })
        .collect();
    let mut answers = Vec::new();
    for asking in asking {
        answers.push(asking.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_those_who_share_a_statement_gets_its_own_answer() {
    let given = Given::new().await;
    let (ada, ben, cyd) = (AccountId::new(1), AccountId::new(2), AccountId::new(3));
    let (alive, over) = (given.begin(1, 1, 101).await, given.begin(2, 1, 100).await);
    let (other, disabled) = (given.begin(3, 2, 200).await, given.begin(4, 3, 200).await);
    let ended = given.begin(5, 1, 200).await;
    given
        .run(&format!("UPDATE sessions SET ended_at = 1 WHERE id = x'{}'", Uuid::from_u128(5).simple()))
        .await;
    let absent = SessionId::new(Uuid::from_u128(6));
    let asked = [
        (alive, ada, true),
        (alive, ben, false),
        (over, ada, false),
        (other, ben, true),
        (other, ada, false),
        (disabled, cyd, false),
        (ended, ada, false),
        (absent, ada, false),
    ];
    for round in 0..50 {
        // A different order and number each time, so that they share statements in all ways.
        let asked: Vec<_> = asked.iter().cycle().skip(round % 8).take(1 + round * 3).copied().collect();
        let pairs: Vec<_> = asked.iter().map(|&(session, account, _)| (session, account)).collect();
        let expected: Vec<_> = asked.iter().map(|&(_, _, expected)| expected).collect();
        assert_eq!(ask(&given.checks, &pairs).await, expected);
    }
    while !given.is_at_rest() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_counts_however_many_ask() {
    let given = Given::new().await;
    let ada = AccountId::new(1);
    let session = given.begin(1, 1, 200).await;
    for _ in 0..20 {
        given.run("UPDATE sessions SET ended_at = NULL").await;
        let (checks, asked) = (given.checks.clone(), [(session, ada); 100]);
        let flood = tokio::spawn(async move { ask(&checks, &asked).await.len() });
        given.run("UPDATE sessions SET ended_at = 1").await;
        assert!(given.checks.principal(session, ada).await.unwrap().is_none());
        assert_eq!(flood.await.unwrap(), 100);
    }
}

#[tokio::test]
async fn those_who_go_away_leave_the_others_their_answer() {
    let given = Given::new().await;
    let (session, ada) = (given.begin(1, 1, 200).await, AccountId::new(1));
    for _ in 0..20 {
        let held = given.hold_readers();
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..access::BATCH * 3 {
            let mut gone = pin!(given.checks.principal(session, ada));
            assert!(matches!(gone.as_mut().poll(&mut context), Poll::Pending));
        }
        drop(held);
        let others = AccountId::new(2);
        let (first, second) =
            tokio::join!(given.checks.principal(session, ada), given.checks.principal(session, others));
        assert_eq!((first.unwrap().is_some(), second.unwrap().is_some()), (true, false));
    }
}

#[tokio::test]
async fn those_who_wait_behind_a_request_that_goes_away_are_answered() {
    let given = Given::new().await;
    let (session, ada) = (given.begin(1, 1, 200).await, AccountId::new(1));
    for _ in 0..20 {
        let held = given.hold_readers();
        let mut context = Context::from_waker(Waker::noop());
        let mut alone = [(); MOST_ALONE].map(|()| Box::pin(given.checks.principal(session, ada)));
        for alone in &mut alone {
            assert!(matches!(alone.as_mut().poll(&mut context), Poll::Pending));
        }
        let mut behind = Box::pin(given.checks.principal(session, ada));
        assert!(matches!(behind.as_mut().poll(&mut context), Poll::Pending));
        drop((alone, held));
        assert!(timeout(Duration::from_mins(1), behind).await.unwrap().unwrap().is_some());
        while !given.is_at_rest() {
            tokio::task::yield_now().await;
        }
    }
}

#[test]
fn the_end_of_the_runtime_leaves_nobody_waiting() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let given = runtime.block_on(Given::new());
    let session = runtime.block_on(given.begin(1, 1, 200));
    for _ in 0..200 {
        let checks = given.checks.clone();
        runtime.spawn(async move { while checks.principal(session, AccountId::new(1)).await.is_ok() {} });
    }
    std::thread::sleep(Duration::from_millis(50));
    drop(runtime);
    assert!(given.is_at_rest());
}

#[tokio::test]
async fn without_a_database_there_is_an_error_and_no_answer() {
    let given = Given::new().await;
    given.db.close().await;
    let session = SessionId::new(Uuid::from_u128(1));
    for _ in 0..3 {
        assert!(given.checks.principal(session, AccountId::new(1)).await.is_err());
    }
    while !given.is_at_rest() {
        tokio::task::yield_now().await;
    }
}
