//! SQLite's connections to read with.
//!
//! Not a pool of sqlx: that one, when a connection comes back, starts a task which asks the connection's thread
//! whether it is alive, before another reader may have it. For a read of a few microseconds this doubles the cost.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a connection is believed to be alive. Only the crash of its thread could end it.
const BELIEVED: Duration = Duration::from_secs(1);

/// A bounded number of connections that can only read, each opened when it is first needed. Cheap to clone.
#[derive(Clone)]
pub struct Readers(Arc<Shared>);

struct Shared {
    options: SqliteConnectOptions,
    most: u32,
    wait: Duration,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Open>>,
}

struct Open {
    conn: SqliteConnection,
    seen_alive: Instant,
}

impl Readers {
    /// At most `most` connections; who finds all of them taken waits for `wait`.
    pub(super) fn new(options: SqliteConnectOptions, most: u32, wait: Duration) -> Self {
        let places = Arc::new(Semaphore::new(most as usize));
        let options = options.read_only(true);
        Self(Arc::new(Shared { options, most, wait, places, idle: Mutex::default() }))
    }

    /// A connection, given back when dropped. A statement that was begun on it and left is finished by its thread
    /// before the next.
    pub(super) async fn acquire(&self) -> Result<Lent, sqlx::Error> {
        let place = match Arc::clone(&self.0.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => timeout(self.0.wait, Arc::clone(&self.0.places).acquire_owned())
                .await
                .map_err(|_| sqlx::Error::PoolTimedOut)?
                .map_err(|_| sqlx::Error::PoolClosed)?,
        };
        let idle = self.0.idle().pop();
        let open = match idle {
            Some(open) => open.seen_alive().await,
            None => None,
        };
        let open = match open {
            Some(open) => open,
            None => Open { conn: self.0.options.connect().await?, seen_alive: Instant::now() },
        };
        Ok(Lent { open: Some(open), shared: Arc::clone(&self.0), _place: place })
    }

    /// Ends every connection, once those in use have been given back.
    pub(super) async fn close(&self) {
        // Places are given in order: who asks from now on waits behind this, and learns that there are none.
        let all = self.0.places.acquire_many(self.0.most).await;
        self.0.places.close();
        let idle = std::mem::take(&mut *self.0.idle());
        for open in idle {
            if let Err(error) = open.conn.close().await {
                tracing::warn!(%error, "a connection to the database could not be closed");
            }
        }
        drop(all);
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<Open>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The connection again, unless its thread has died.
    async fn seen_alive(mut self) -> Option<Self> {
        if self.seen_alive.elapsed() > BELIEVED {
            self.conn.ping().await.ok()?;
            self.seen_alive = Instant::now();
        }
        Some(self)
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readers({})", self.0.most)
    }
}

/// A connection that is in use.
pub(super) struct Lent {
    open: Option<Open>,
    shared: Arc<Shared>,
    _place: OwnedSemaphorePermit,
}

impl Lent {
    pub(super) fn conn(&mut self) -> &mut SqliteConnection {
        let Some(open) = &mut self.open else { unreachable!("only the drop takes it out") };
        &mut open.conn
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // The place is given back after this, so its next holder finds the connection.
        self.shared.idle().extend(self.open.take());
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn readers(most: u32, wait: Duration) -> (tempfile::TempDir, Readers) {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(dir.path().join("p.db"));
        options.clone().create_if_missing(true).connect().await.unwrap().close().await.unwrap();
        (dir, Readers::new(options, most, wait))
    }

    async fn one(readers: &Readers) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT 1").fetch_one(readers.acquire().await?.conn()).await
    }

    #[tokio::test]
    async fn connections_are_few_used_again_and_read_only() {
        let (_dir, readers) = readers(2, Duration::from_millis(20)).await;
        for _ in 0..10 {
            assert_eq!(one(&readers).await.unwrap(), 1);
        }
        assert_eq!(readers.0.idle().len(), 1, "one after the other needs one");

        let (mut first, second) = (readers.acquire().await.unwrap(), readers.acquire().await.unwrap());
        assert!(matches!(one(&readers).await, Err(sqlx::Error::PoolTimedOut)));
        assert!(sqlx::query("CREATE TABLE t (i)").execute(first.conn()).await.is_err());
        drop((first, second));
        assert_eq!(one(&readers).await.unwrap(), 1);
        assert_eq!(readers.0.idle().len(), 2);
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_and_after_the_close_there_is_none() {
        let (_dir, readers) = readers(1, Duration::from_mins(1)).await;
        let held = readers.acquire().await.unwrap();
        let (waiting, closing) = (readers.clone(), readers.clone());
        let waiting = tokio::spawn(async move { one(&waiting).await });
        tokio::task::yield_now().await;
        let closing = tokio::spawn(async move { closing.close().await });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished(), "it waits for those in use");
        drop(held);
        assert_eq!(waiting.await.unwrap().unwrap(), 1);
        closing.await.unwrap();
        assert!(matches!(one(&readers).await, Err(sqlx::Error::PoolClosed)));
    }

    #[tokio::test]
    async fn a_read_that_is_left_does_not_disturb_the_next() {
        let (_dir, readers) = readers(1, Duration::from_mins(1)).await;
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
                       SELECT i FROM n";
        for _ in 0..20 {
            let mut lent = readers.acquire().await.unwrap();
            let reading = sqlx::query(endless).fetch_all(lent.conn());
            assert!(timeout(Duration::from_millis(1), reading).await.is_err(), "it takes longer");
            drop(lent);
            assert_eq!(one(&readers).await.unwrap(), 1);
        }
    }
}
