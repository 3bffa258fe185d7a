//! PostgreSQL. Reads share a few connections and pipeline their statements on them. Each transaction has its own
//! connection, which is reused only after the server has confirmed that the transaction ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use futures_util::TryStreamExt as _;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::{Client, Statement};

use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls;
use super::url::PostgresTarget;
use super::{Error, FromRow, Row, Value};

/// How long a request waits for a connection.
const WAIT: Duration = Duration::from_secs(3);
/// How long a new connection may take, from the first packet to the reply to our settings.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// How long to wait for a statement. The server's own timeout is shorter.
const STATEMENT: Duration = Duration::from_secs(12);
/// How long a connection is assumed to be alive after its last reply.
const BELIEVED: Duration = Duration::from_secs(1);
const PING: Duration = Duration::from_secs(1);
/// How long a connection is used, so that instances find a new server behind the same name.
const LIFETIME: Duration = Duration::from_mins(30);

/// The connections to one database. Cheap to clone.
#[derive(Clone)]
pub(super) struct Postgres(Arc<Shared>);

struct Shared {
    readers: Box<[Slot]>,
    next: AtomicUsize,
    writers: Pool<Connector>,
    connector: Connector,
    is_closed: AtomicBool,
}

/// A connection that many reads share.
struct Slot {
    current: RwLock<Option<Arc<Connection>>>,
    opening: tokio::sync::Mutex<()>,
}

impl Postgres {
    /// Up to four of `connections` (at least two) are for reads.
    pub(super) fn new(connector: Connector, connections: u32) -> Result<Self, Error> {
        let connections = connections.max(2) as usize;
        let readers = (connections / 3).clamp(1, 4);
        let writers = Pool::builder(connector.clone())
            .max_size(connections - readers)
            .runtime(deadpool::Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(PING))
            .build()
            .map_err(|_| Error::Closed)?;
        let slot = || Slot { current: RwLock::new(None), opening: tokio::sync::Mutex::new(()) };
        Ok(Self(Arc::new(Shared {
            readers: (0..readers).map(|_| slot()).collect(),
            next: AtomicUsize::new(0),
            writers,
            connector,
            is_closed: AtomicBool::new(false),
        })))
    }

    /// A shared connection for reading.
    pub(super) async fn reader(&self) -> Result<Arc<Connection>, Error> {
        if self.0.is_closed.load(Ordering::Relaxed) {
            return Err(Error::Closed);
        }
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed) % self.0.readers.len().max(1);
        let Some(slot) = self.0.readers.get(turn) else { return Err(Error::Closed) };
        if let Some(connection) = slot.usable() {
            return Ok(connection);
        }
        timeout(WAIT, slot.open(&self.0.connector)).await.map_err(|_| Error::Busy)?
    }

    async fn writer(&self) -> Result<Object<Connector>, Error> {
        self.0.writers.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => Error::Closed,
            _ => Error::Busy,
        })
    }

    /// Runs one statement as a transaction of its own. The reply is complete only after the server has committed it.
    pub(super) async fn single<R>(
        &self,
        work: impl AsyncFnOnce(&Connection) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if self.0.connector.target.is_pooler {
            // Only a transaction keeps our settings.
            let tx = self.begin().await?;
            let outcome = tx.note(work(tx.connection()?).await)?;
            tx.commit().await?;
            return Ok(outcome);
        }
        let mut tx = PostgresTx::new(self.writer().await?, "");
        let connection = tx.connection()?;
        let outcome = work(connection).await;
        if outcome.is_err() {
            // It may be a standby, or not reply. The next statement gets another connection.
            connection.give_up();
        }
        tx.connection = None;
        outcome
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<PostgresTx, Error> {
        let connection = self.writer().await?;
        // Created first: if this future is dropped, so is the transaction, and its ROLLBACK follows its BEGIN.
        let tx = PostgresTx::new(connection, "ROLLBACK");
        let begun = tx.connection()?.begin().await;
        if let Err(error) = begun {
            // The server is a standby or unreachable. The next transaction gets another connection.
            tx.connection()?.give_up();
            return Err(error);
        }
        Ok(tx)
    }

    /// Closes every connection.
    pub(super) fn close(&self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
        self.0.writers.close();
        for slot in &self.0.readers {
            *slot.current.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

impl Slot {
    fn usable(&self) -> Option<Arc<Connection>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|connection| connection.is_usable() && connection.was_heard()).cloned()
    }

    /// One caller opens the connection; the others then find it open.
    async fn open(&self, connector: &Connector) -> Result<Arc<Connection>, Error> {
        let _opening = self.opening.lock().await;
        // The previous caller may have checked the connection, or opened another one.
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connection) = current.filter(|connection| connection.is_usable())
            && (connection.was_heard() || connection.is_alive().await)
        {
            return Ok(connection);
        }
        let connection = Arc::new(connector.connect().await?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&connection));
        Ok(connection)
    }
}

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    target: Arc<PostgresTarget>,
    tls: MakeRustlsConnect,
    named: Arc<AtomicBool>,
}

impl Connector {
    /// # Errors
    /// [`Error::Tls`] if a certificate cannot be read.
    pub(super) fn new(target: &PostgresTarget) -> Result<Self, Error> {
        let tls = tls::connector(target)?;
        let named = Arc::new(AtomicBool::new(!target.is_pooler));
        Ok(Self { target: Arc::new(target.clone()), tls, named })
    }

    /// Opens a connection with our settings.
    pub(super) async fn connect(&self) -> Result<Connection, Error> {
        let connecting = async {
            let (client, connection) = self.target.config.connect(self.tls.clone()).await?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to PostgreSQL ended");
                }
            });
            let connection = Connection {
                client,
                statements: Mutex::default(),
                named: Arc::clone(&self.named),
                begin: if self.target.is_pooler { BEGIN_BEHIND_A_POOLER } else { BEGIN },
                is_given_up: AtomicBool::new(false),
                born: Instant::now(),
                heard: AtomicU64::new(0),
            };
            if !self.target.is_pooler {
                connection.batch(SETTINGS).await?;
            }
            Ok(connection)
        };
        timeout(CONNECT, connecting).await.map_err(|_| Error::TimedOut)?
    }
}

impl managed::Manager for Connector {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection, Error> {
        self.connect().await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Error> {
        if connection.is_usable() && (connection.was_heard() || connection.is_alive().await) {
            Ok(())
        } else {
            Err(RecycleError::message("the connection can no longer be used"))
        }
    }
}

/// Timeouts end statements and forgotten transactions, and `COMMIT` returns only when the log is on disk. A stronger
/// setting of the operator (`remote_apply`) is kept.
const SETTINGS: &str = "SET statement_timeout = '10s';
    SET idle_in_transaction_session_timeout = '30s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// Behind a pooler, each transaction may use another connection to the server, so it sets these itself.
const BEGIN_BEHIND_A_POOLER: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL statement_timeout = '10s';
    SET LOCAL idle_in_transaction_session_timeout = '30s';
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'";

/// One connection.
pub(super) struct Connection {
    client: Client,
    /// The prepared statements of this connection.
    statements: Mutex<HashMap<&'static str, Statement>>,
    /// Whether statements are prepared by name. A pooler may send the next use to a connection that does not know the
    /// name.
    named: Arc<AtomicBool>,
    begin: &'static str,
    is_given_up: AtomicBool,
    born: Instant,
    /// The time of the last reply, in milliseconds since `born`.
    heard: AtomicU64,
}

impl Connection {
    pub(super) async fn fetch<T: FromRow>(
        &self,
        sql: &'static str,
        arguments: &[Value],
    ) -> Result<Vec<T>, Error> {
        let fetched = self.within(async {
            let rows = match self.statement(sql, arguments).await? {
                Some(statement) => self.client.query_raw(&statement, arguments).await?,
                None => self.client.query_typed_raw(sql, typed(arguments)).await?,
            };
            let rows: Vec<_> = rows.try_collect().await?;
            rows.iter().map(|row| T::from_row(&Row::Postgres(row))).collect()
        });
        fetched.await
    }

    pub(super) async fn execute(&self, sql: &'static str, arguments: &[Value]) -> Result<u64, Error> {
        let executed = self.within(async {
            let rows = match self.statement(sql, arguments).await? {
                Some(statement) => return Ok(self.client.execute_raw(&statement, arguments).await?),
                None => self.client.query_typed_raw(sql, typed(arguments)).await?,
            };
            let mut rows = std::pin::pin!(rows);
            while rows.try_next().await?.is_some() {}
            Ok(rows.rows_affected().unwrap_or(0))
        });
        executed.await
    }

    /// Runs statements without arguments.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Error> {
        self.within(async { Ok(self.client.batch_execute(sql).await?) }).await
    }

    /// Runs statements without arguments and without a timeout.
    pub(super) async fn unhurried(&self, sql: &str) -> Result<(), Error> {
        Ok(self.client.batch_execute(sql).await?)
    }

    async fn begin(&self) -> Result<(), Error> {
        self.batch(self.begin).await
    }

    /// The prepared statement, if statements are prepared by name.
    async fn statement(&self, sql: &'static str, arguments: &[Value]) -> Result<Option<Statement>, Error> {
        if !self.named.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let known = self.statements().get(sql).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let types: Vec<_> = arguments.iter().map(Value::postgres_type).collect();
        let statement = self.client.prepare_typed(sql, &types).await?;
        self.statements().insert(sql, statement.clone());
        Ok(Some(statement))
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a reply, up to a timeout. A connection that does not reply is not used again.
    async fn within<R>(&self, work: impl Future<Output = Result<R, Error>>) -> Result<R, Error> {
        let Ok(outcome) = timeout(STATEMENT, work).await else {
            self.give_up();
            return Err(Error::TimedOut);
        };
        match &outcome {
            Ok(_) => self.heard.store(self.age(), Ordering::Relaxed),
            Err(error) if error.is_of_a_pooler() && self.named.swap(false, Ordering::Relaxed) => {
                tracing::warn!(
                    "a pooler that shares connections by transaction, such as PgBouncer, stands between this server \
                        and PostgreSQL. Statements are no longer prepared; add pgbouncer=true to the address in \
                        `database_url`"
                );
            }
            Err(_) => {}
        }
        outcome
    }

    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_usable(&self) -> bool {
        !self.client.is_closed()
            && !self.is_given_up.load(Ordering::Relaxed)
            && self.born.elapsed() < LIFETIME
    }

    fn was_heard(&self) -> bool {
        let silence = self.age().saturating_sub(self.heard.load(Ordering::Relaxed));
        Duration::from_millis(silence) < BELIEVED
    }

    async fn is_alive(&self) -> bool {
        timeout(PING, self.batch("")).await.is_ok_and(|answer| answer.is_ok())
    }

    fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }
}

fn typed(arguments: &[Value]) -> impl Iterator<Item = (&Value, tokio_postgres::types::Type)> {
    arguments.iter().map(|argument| (argument, argument.postgres_type()))
}

/// A transaction. It rolls back when it is dropped.
pub(super) struct PostgresTx {
    /// `None` after the transaction has ended.
    connection: Option<Object<Connector>>,
    has_failed: AtomicBool,
    /// What is sent when it is dropped, after whatever is still in flight.
    last: &'static str,
}

impl PostgresTx {
    fn new(connection: Object<Connector>, last: &'static str) -> Self {
        Self { connection: Some(connection), has_failed: AtomicBool::new(false), last }
    }

    fn connection(&self) -> Result<&Connection, Error> {
        self.connection.as_deref().ok_or(Error::Aborted)
    }

    pub(super) async fn fetch<T: FromRow>(
        &self,
        sql: &'static str,
        arguments: &[Value],
    ) -> Result<Vec<T>, Error> {
        self.note(self.connection()?.fetch(sql, arguments).await)
    }

    pub(super) async fn execute(&self, sql: &'static str, arguments: &[Value]) -> Result<u64, Error> {
        self.note(self.connection()?.execute(sql, arguments).await)
    }

    fn note<R>(&self, outcome: Result<R, Error>) -> Result<R, Error> {
        if outcome.is_err() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// Makes the changes durable.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        // After an error, PostgreSQL replies to COMMIT with a rollback, but without an error.
        if self.has_failed.load(Ordering::Relaxed) {
            return Err(Error::Aborted);
        }
        let connection = self.connection()?;
        if let Err(error) = connection.batch("COMMIT").await {
            connection.give_up();
            return Err(error);
        }
        // Returns the connection to the pool: the server has confirmed the end of the transaction.
        self.connection = None;
        Ok(())
    }
}

impl Drop for PostgresTx {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let Ok(runtime) = Handle::try_current() else {
            drop(Object::take(connection));
            return;
        };
        if !connection.is_usable() {
            drop(Object::take(connection));
            return;
        }
        let last = self.last;
        // The connection returns to the pool only after the server has replied.
        runtime.spawn(async move {
            if connection.batch(last).await.is_err() {
                drop(Object::take(connection));
            }
        });
    }
}
