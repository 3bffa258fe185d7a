//! SQLite: one thread that writes and a few that read, each with its own connection.
//!
//! A job that has started is finished on its thread, even if its request is cancelled: a client that disconnects never
//! leaves a half-run statement or an open transaction. A connection with any error that a healthy one does not return
//! is closed, and the next job opens another. So a full disk is no longer a problem once it has space again.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use rusqlite::{Connection, OpenFlags, Statement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::{Error, FromRow, Row, Value};

/// How long a request waits for the writer, or for its read.
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// How long a statement may run.
const STATEMENT_LIMIT: Duration = Duration::from_secs(10);
/// How many of SQLite's virtual machine steps run between two checks of the deadline: about a millisecond.
const STEPS: i32 = 100_000;
const READERS: usize = 4;
/// The most queued reads.
const QUEUE: usize = 4096;
/// How long a checkpoint waits for our own reads, which are short.
const KEEPER_WAIT: Duration = Duration::from_millis(20);
/// How often a checkpoint is retried while another program prevents it.
const SCRUB_AGAIN: Duration = Duration::from_secs(1);

/// The start of the name of a database in memory (<https://sqlite.org/inmemorydb.html>).
const MEMORY: &str = "file:/portcullis-";

/// A new name. All connections of this process that open it share one database, which is deleted with the last of them.
pub(super) fn memory() -> PathBuf {
    let id = uuid::Uuid::from_bytes(crate::random::bytes());
    PathBuf::from(format!("{MEMORY}{}?vfs=memdb", id.simple()))
}

thread_local! {
    /// When the statement that runs on this thread is interrupted.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// An open database file. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sqlite(Arc<Shared>);

struct Shared {
    readers: Threads,
    writer: Threads,
    /// Checkpoints the log into the file without blocking reads or writes.
    keeper: Threads,
    /// Its holder may write.
    turn: Arc<Semaphore>,
    /// Whether a write failed with a disk error and [`Sqlite::can_write`] has not succeeded since. Another commit does
    /// not clear it, since it may have had nothing to write.
    is_failing: AtomicBool,
    /// Whether a task retries the checkpoint every second.
    is_scrubbing: AtomicBool,
}

/// How a thread opens its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Reader,
    Writer,
    Keeper,
}

impl Sqlite {
    /// Starts the threads. Each opens the file at its first job.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Shared {
            readers: Threads::start(Role::Reader, READERS, path)?,
            writer: Threads::start(Role::Writer, 1, path)?,
            keeper: Threads::start(Role::Keeper, 1, path)?,
            turn: Arc::new(Semaphore::new(1)),
            is_failing: AtomicBool::new(false),
            is_scrubbing: AtomicBool::new(false),
        })))
    }

    /// Runs a query on a reader. It sees what is committed when it starts.
    pub(super) async fn fetch<T: FromRow + Send + 'static>(
        &self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<T>, Error> {
        let rows = self.0.readers.run(move |conn| fetch(conn, sql, &arguments));
        timeout(WAIT, rows).await.map_err(|_| Error::Busy)?
    }

    /// Runs a statement on a reader, which cannot change anything.
    pub(super) async fn execute(&self, sql: &'static str, arguments: Vec<Value>) -> Result<u64, Error> {
        let done = self.0.readers.run(move |conn| execute(conn, sql, &arguments));
        timeout(WAIT, done).await.map_err(|_| Error::Busy)?
    }

    /// Runs a query that writes, as a transaction of its own.
    pub(super) async fn fetch_single<T: FromRow + Send + 'static>(
        &self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<T>, Error> {
        self.single(move |conn| fetch(conn, sql, &arguments)).await
    }

    /// Runs a statement as a transaction of its own.
    pub(super) async fn execute_single(
        &self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<u64, Error> {
        self.single(move |conn| execute(conn, sql, &arguments)).await
    }

    /// One job: outside a transaction, SQLite commits a statement with its last step.
    async fn single<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let turn = self.turn().await?;
        let done = self.0.writer.run(move |conn| {
            // Held until the statement has ended, even if the caller no longer waits.
            let _turn = turn;
            end(conn)?;
            work(conn)
        });
        done.await.inspect_err(|error| self.note(error))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        let turn = timeout(WAIT, Arc::clone(&self.0.turn).acquire_owned()).await;
        turn.map_err(|_| Error::Busy)?.map_err(|_| Error::Closed)
    }

    /// Begins a transaction. Only one at a time can write.
    pub(super) async fn begin(&self) -> Result<SqliteTx, Error> {
        let turn = self.turn().await?;
        // Created first: if this future is dropped, so is the transaction, and its end is queued after its beginning.
        let tx = SqliteTx { db: self.clone(), turn: Some(turn) };
        // IMMEDIATE takes the write lock right away: a transaction that starts with a read may not get it later.
        tx.run(|conn| {
            end(conn)?;
            Ok(conn.execute_batch("BEGIN IMMEDIATE")?)
        })
        .await?;
        Ok(tx)
    }

    /// Runs slow work on the writer, such as migrations, without a deadline.
    pub(super) async fn maintain<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let turn = Arc::clone(&self.0.turn).acquire_owned().await.map_err(|_| Error::Closed)?;
        self.0
            .writer
            .run(move |conn| {
                let _turn = turn;
                DEADLINE.set(None);
                work(conn)
            })
            .await
    }

    /// Checks that a write is possible: it takes the lock, and after a failed write it also writes a page.
    pub(super) async fn can_write(&self) -> Result<(), Error> {
        let tx = self.begin().await?;
        if self.0.is_failing.load(Ordering::Relaxed) {
            // The value must change, because SQLite does not write an unchanged page.
            let sql = "UPDATE locks SET taken_at = taken_at + 1 WHERE name = 'administrators'";
            tx.execute(sql, Vec::new()).await?;
            tx.commit().await?;
            self.0.is_failing.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Checkpoints the log into the file and truncates it, so that deleted rows cannot be read in it any more. This is
    /// impossible while another program reads (a backup, a shell); then it is retried every second.
    pub(super) async fn scrub(&self) {
        if self.0.is_scrubbing.load(Ordering::SeqCst) || self.fold().await {
            return;
        }
        if self.0.is_scrubbing.swap(true, Ordering::SeqCst) {
            return;
        }
        tracing::warn!(
            "deleted data stays readable in SQLite's log (the file that ends in -wal) while another program reads the \
             database, such as a backup or a shell; it is removed as soon as that ends"
        );
        let again = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SCRUB_AGAIN).await;
                // Reset before the attempt: rows that are deleted during it may miss it, and their own `scrub` must
                // then retry.
                again.0.is_scrubbing.store(false, Ordering::SeqCst);
                if again.fold().await {
                    tracing::info!("deleted data was removed from SQLite's log");
                    return;
                }
                if again.0.is_scrubbing.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    /// Checkpoints the log; returns whether it is now empty. Writes wait meanwhile, but this does not wait for other
    /// programs that read.
    async fn fold(&self) -> bool {
        let Ok(turn) = Arc::clone(&self.0.turn).acquire_owned().await else { return true };
        let folded = self.0.keeper.run(move |conn| {
            let _turn = turn;
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            Ok(conn.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0)
        });
        match folded.await {
            Ok(is_done) => is_done,
            Err(Error::Closed) => true,
            Err(error) => {
                if !error.is_locked() {
                    tracing::warn!(%error, "SQLite's log could not be written back to the file; it will be retried");
                }
                false
            }
        }
    }

    /// Closes the connections after the current transaction has ended. SQLite then checkpoints its log into the file.
    pub(super) async fn close(&self) {
        let last = timeout(WAIT, self.0.turn.acquire()).await;
        self.0.turn.close();
        drop(last);
        for threads in [&self.0.keeper, &self.0.readers, &self.0.writer] {
            threads.close().await;
        }
    }
}

#[cfg(test)]
impl Sqlite {
    pub(super) fn hold_readers(&self) -> impl Drop + use<> {
        let (held, until) = crossbeam_channel::bounded::<()>(0);
        let (busy, are_busy) = crossbeam_channel::bounded(READERS);
        for _ in 0..READERS {
            let (busy, until) = (busy.clone(), until.clone());
            self.0.readers.send(Job::Work(Box::new(move |_| {
                busy.send(()).unwrap();
                let _ = until.recv();
            })));
        }
        (0..READERS).for_each(|_| are_busy.recv().unwrap());
        held
    }
}

/// Writes a consistent snapshot of a database into an empty file, without the space of deleted rows, while others read
/// and write. Does not migrate the tables, so a newer program than the one that serves can copy them. Blocks the
/// thread.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let conn = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(WAIT)?;
    conn.execute("VACUUM INTO $1", [to.display().to_string()])?;
    Ok(())
}

/// A transaction on the writer. It rolls back when it is dropped.
pub(super) struct SqliteTx {
    db: Sqlite,
    /// `None` after the transaction has ended.
    turn: Option<OwnedSemaphorePermit>,
}

impl SqliteTx {
    pub(super) async fn fetch<T: FromRow + Send + 'static>(
        &self,
        sql: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Vec<T>, Error> {
        self.run(move |conn| within(conn, |conn| fetch(conn, sql, &arguments))).await
    }

    pub(super) async fn execute(&self, sql: &'static str, arguments: Vec<Value>) -> Result<u64, Error> {
        self.run(move |conn| within(conn, |conn| execute(conn, sql, &arguments))).await
    }

    /// Makes the changes durable.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        let turn = self.turn.take();
        let db = self.db.clone();
        let committed = self.db.0.writer.run(move |conn| {
            // Held until the transaction has ended, even if the caller no longer waits.
            let _turn = turn;
            let committed = within(conn, |conn| Ok(conn.execute_batch("COMMIT")?));
            committed.inspect_err(|error| db.note(error))
        });
        committed.await
    }

    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        self.db.0.writer.run(work).await.inspect_err(|error| self.db.note(error))
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        self.db.0.writer.send(Job::Work(Box::new(move |thread| {
            let _turn = turn;
            // A closed connection has no transaction, and one that cannot roll back is closed.
            if thread.conn.as_ref().is_some_and(|conn| end(conn).is_err()) {
                thread.conn = None;
            }
        })));
    }
}

impl Sqlite {
    fn note(&self, error: &Error) {
        if error.ends_the_connection() {
            self.0.is_failing.store(true, Ordering::Relaxed);
        }
    }
}

/// Runs a statement of a transaction. If it fails, the transaction is rolled back: SQLite may have done so by itself,
/// and the next statement would then be committed alone.
fn within<R>(conn: &Connection, work: impl FnOnce(&Connection) -> Result<R, Error>) -> Result<R, Error> {
    if conn.is_autocommit() {
        return Err(Error::Aborted);
    }
    let outcome = work(conn);
    if outcome.is_err() {
        end(conn)?;
    }
    outcome
}

/// Rolls back an open transaction.
fn end(conn: &Connection) -> Result<(), Error> {
    if conn.is_autocommit() { Ok(()) } else { Ok(conn.execute_batch("ROLLBACK")?) }
}

fn fetch<T: FromRow>(conn: &Connection, sql: &str, arguments: &[Value]) -> Result<Vec<T>, Error> {
    let mut statement = conn.prepare_cached(sql)?;
    bind(&mut statement, arguments)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(T::from_row(&Row::Sqlite(row))?);
    }
    Ok(found)
}

fn execute(conn: &Connection, sql: &str, arguments: &[Value]) -> Result<u64, Error> {
    let mut statement = conn.prepare_cached(sql)?;
    bind(&mut statement, arguments)?;
    Ok(statement.raw_execute()? as u64)
}

/// To SQLite, `$1` is a name, numbered in the order of appearance; the number in the name selects the argument.
fn bind(statement: &mut Statement<'_>, arguments: &[Value]) -> Result<(), Error> {
    for place in 1..=statement.parameter_count() {
        let number = statement.parameter_name(place).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let argument = number.and_then(|number| arguments.get(number.checked_sub(1)?));
        let Some(argument) = argument else {
            return Err(rusqlite::Error::InvalidParameterCount(place, arguments.len()).into());
        };
        statement.raw_bind_parameter(place, argument)?;
    }
    Ok(())
}

/// Threads that take jobs from one queue.
struct Threads {
    jobs: Sender<Job>,
    count: usize,
}

enum Job {
    Work(Box<dyn FnOnce(&mut Thread) + Send>),
    /// Closes the connection and ends the thread.
    End(oneshot::Sender<()>),
}

struct Thread {
    role: Role,
    path: PathBuf,
    conn: Option<Connection>,
}

impl Threads {
    fn start(role: Role, count: usize, path: &Path) -> io::Result<Self> {
        // The writer's queue holds one job at a time, plus the ends of dropped transactions.
        let (jobs, queue) = crossbeam_channel::bounded(QUEUE);
        for _ in 0..count {
            let (queue, path) = (queue.clone(), path.to_owned());
            let name = match role {
                Role::Reader => "sqlite-read",
                Role::Writer => "sqlite-write",
                Role::Keeper => "sqlite-keep",
            };
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || Thread { role, path, conn: None }.work(&queue))?;
        }
        Ok(Self { jobs, count })
    }

    /// Runs a job on a thread. A read is skipped if its caller is gone when its turn comes.
    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Work(Box::new(move |thread| {
            if thread.role == Role::Reader && answer.is_closed() {
                return;
            }
            let outcome = thread.run(work);
            // Fails if the caller is gone.
            let _ = answer.send(outcome);
        }));
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(Error::Busy),
            Err(TrySendError::Disconnected(_)) => return Err(Error::Closed),
        }
        // The sender is dropped only if the job panicked or the threads have ended.
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Sends the end of a transaction, which must not be lost. It blocks only if the queue is full.
    fn send(&self, job: Job) {
        // If disconnected, the connection is closed and its transaction with it.
        let _ = self.jobs.send(job);
    }

    async fn close(&self) {
        for _ in 0..self.count {
            let (done, ended) = oneshot::channel();
            self.send(Job::End(done));
            let _ = timeout(WAIT, ended).await;
        }
    }
}

impl Thread {
    fn work(mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            match job {
                Job::Work(work) => {
                    if catch_unwind(AssertUnwindSafe(|| work(&mut self))).is_err() {
                        tracing::error!("a statement panicked; its connection is reopened");
                        self.conn = None;
                    }
                }
                Job::End(done) => {
                    if let Some(Err((_, error))) = self.conn.take().map(Connection::close) {
                        tracing::warn!(%error, "a connection to the database could not be closed");
                    }
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    fn run<R>(&mut self, work: impl FnOnce(&mut Connection) -> Result<R, Error>) -> Result<R, Error> {
        DEADLINE.set(Some(Instant::now() + STATEMENT_LIMIT));
        let conn = match &mut self.conn {
            Some(conn) => conn,
            none => none.insert(self.role.open(&self.path)?),
        };
        let outcome = work(conn);
        if outcome.as_ref().is_err_and(Error::ends_the_connection) {
            self.conn = None;
        }
        outcome
    }
}

impl Role {
    fn open(self, path: &Path) -> Result<Connection, Error> {
        let access = match self {
            Self::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Self::Writer | Self::Keeper => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let is_memory = path.to_str().is_some_and(|path| path.starts_with(MEMORY));
        let access = if is_memory { access | OpenFlags::SQLITE_OPEN_URI } else { access };
        // NO_MUTEX: each connection stays on its thread.
        let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.set_prepared_statement_cache_capacity(256);
        conn.busy_timeout(if self == Self::Keeper { KEEPER_WAIT } else { WAIT })?;
        conn.pragma_update(None, "foreign_keys", "ON")?;
        if self == Self::Writer {
            conn.pragma_update(None, "journal_mode", "WAL")?;
            conn.pragma_update(None, "synchronous", "FULL")?;
            conn.pragma_update(None, "secure_delete", "ON")?;
        }
        let is_late = || DEADLINE.get().is_some_and(|deadline| Instant::now() > deadline);
        conn.progress_handler(STEPS, Some(is_late))?;
        Ok(conn)
    }
}
