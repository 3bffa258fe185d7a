//! Permissions: a row checked, lists, explanations, a diff, and a read with `May` compared with a condition written by
//! hand. The rows are made here: folders up to 10 deep, grants to accounts and nested groups.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use axum::extract::State;
use clap::Args;
use portcullis::{Api, Guard, Json, May, Path, credential::SecurityScheme, permissions};
use portcullis_server::{
    App, SessionTokens,
    accounts::AccountId,
    config::{Config, LogFormat},
    db::{DatabaseConfig, Dialect, Encode as _},
    from_row, log, middleware, object,
    policy::{Declared, Error, ObjectType, Policy},
    serve,
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::{net::TcpListener, runtime};

use crate::{
    Failure, client,
    comparison::PUBLIC_URL,
    load::{self, Load},
    logins,
    place::Place,
    process::Process,
    table::{Table, percent, rate},
};

/// The documents that the figures in `docs/benchmarks.md` are measured with.
pub(crate) const DOCUMENTS: u32 = 1_000_000;
/// How many rows are checked, and how many lists read, for each figure.
const CHECKS: usize = 5000;
const LISTS: usize = 100;
/// Folders that one folder contains. With 20,000 folders, they are 10 deep.
const BRANCHES: i64 = 3;
const ROUND: Duration = Duration::from_secs(1);

const TABLES: [&str; 5] = [
    "CREATE TABLE folders (id BIGINT PRIMARY KEY, parent_id BIGINT)",
    "CREATE TABLE documents (id BIGINT PRIMARY KEY, owner_id BIGINT, folder_id BIGINT, is_public BOOLEAN, title TEXT)",
    "CREATE INDEX folders_by_parent ON folders (parent_id)",
    "CREATE INDEX documents_by_owner ON documents (owner_id)",
    "CREATE INDEX documents_by_folder ON documents (folder_id)",
];
/// After the rows, which is quicker.
const LAST_INDEX: &str = "CREATE INDEX documents_by_public ON documents (is_public)";

#[derive(Serialize, JsonSchema)]
struct Document {
    id: i64,
    owner_id: Option<i64>,
    folder_id: Option<i64>,
    is_public: bool,
    title: String,
}
from_row!(Document { id, owner_id, folder_id, is_public, title });

#[derive(Serialize, JsonSchema)]
struct Folder {
    id: i64,
}
from_row!(Folder { id });

permissions! {
    on Document {
        ReadDocument "document:read" "Read a document";
        WriteDocument "document:write" "Change a document";
    }
}

object! { Folder: "folder" in "folders" {
    parent Folder: parent_id,
    roles [viewer, editor],
    may {}
} }
object! { Document: "document" in "documents" {
    owner owner_id,
    parent Folder: folder_id,
    flag public: is_public,
    roles [viewer, editor],
    may {
        owner: [ReadDocument, WriteDocument],
        viewer: [ReadDocument],
        editor: [ReadDocument, WriteDocument],
        public: [ReadDocument],
    }
} }

fn declared() -> Declared {
    Declared::new().object::<Folder>().object::<Document>()
}

/// Without one term of one permission.
fn changed() -> Declared {
    let folder =
        ObjectType::new("folder", "folders").parent("folder", "parent_id").roles(&["viewer", "editor"]);
    let document = ObjectType::new("document", "documents")
        .owner("owner_id")
        .parent("folder", "folder_id")
        .flag("public", "is_public")
        .roles(&["viewer", "editor"])
        .may("owner", &["document:read", "document:write"])
        .may("viewer", &["document:read"])
        .may("editor", &["document:read"])
        .may("public", &["document:read"]);
    Declared::new()
        .permission::<ReadDocument>()
        .permission::<WriteDocument>()
        .object_type(folder)
        .object_type(document)
}

/// How many rows there are.
#[derive(Clone, Copy)]
struct Size {
    documents: i64,
    folders: i64,
    grants: i64,
    memberships: i64,
    groups: i64,
    accounts: i64,
}

impl Size {
    fn of(documents: u32) -> Self {
        let documents = i64::from(documents);
        let part = |of: i64| (documents / of).max(40);
        Self {
            documents,
            folders: part(50),
            grants: part(10),
            memberships: part(5),
            groups: part(500),
            accounts: part(50),
        }
    }

    /// Three accounts after those in groups: one that sees thousands, one that sees ten, and one that sees nothing.
    fn viewers(self) -> [(i64, &'static str, &'static str); 3] {
        let first = self.accounts;
        [(first + 1, "thousands", "< 25 ms"), (first + 2, "ten", "< 3 ms"), (first + 3, "nothing", "< 3 ms")]
    }
}

/// The same every time.
struct Chance(u64);

impl Chance {
    fn up_to(&mut self, most: i64) -> Result<i64, Failure> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Ok(i64::try_from(self.0 % u64::try_from(most)?)? + 1)
    }
}

pub(crate) fn measure(place: &Place, documents: u32, rounds: u16, table: &mut Table) -> Result<(), Failure> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let size = Size::of(documents);
    let app = runtime.block_on(async {
        let app = Box::pin(App::open(config(place.folder().to_owned(), place.database_url())?)).await?;
        fill(&app, size).await?;
        app.open_policy(&declared()).await?;
        Ok::<_, Failure>(app)
    })?;
    runtime.block_on(alone(&app, size, table))?;
    let server = Process::start(command(place)?)?;
    let accounts = logins::accounts(&server)?;
    runtime.block_on(share(&app, size, &accounts))?;
    beside(&server, size, &accounts, rounds, table)?;
    runtime.block_on(app.close());
    Ok(())
}

/// One caller, without HTTP.
async fn alone(app: &App, size: Size, table: &mut Table) -> Result<(), Failure> {
    let (policy, mut chance) = (app.policy(), Chance(0x9E37_79B9_7F4A_7C15));
    let rows = format!("{} documents, {} grants", size.documents, size.grants);
    let mut times = Times::default();
    for _ in 0..CHECKS {
        let (who, document) = (AccountId::new(chance.up_to(size.accounts)?), chance.up_to(size.documents)?);
        let mut reader = app.db().read().await?;
        let began = Instant::now();
        let _decision = policy.decide(reader.conn(), who, "document:read", document).await?;
        times.add(began);
    }
    table.row("check of one row, p99", times.at(99), "< 1 ms; PostgreSQL < 2 ms", &times.beside(&rows));
    let query = "SELECT d.id FROM documents d WHERE d.id > $1 AND {seen d} ORDER BY d.id LIMIT 50";
    for (who, what, aim) in size.viewers() {
        let (mut times, mut found) = (Times::default(), 0);
        for _ in 0..LISTS {
            let mut reader = app.db().read().await?;
            let began = Instant::now();
            let (who, after) = (AccountId::new(who), vec![0_i64.encode()]);
            found = policy.list::<(i64,)>(reader.conn(), who, "document:read", query, after).await?.len();
            times.add(began);
        }
        let name = format!("list of 50, for an account that sees {what}, p50");
        table.row(&name, times.at(50), aim, &times.beside(&format!("{found} rows")));
    }
    let mut times = Times::default();
    for _ in 0..LISTS {
        let (who, document) = (AccountId::new(chance.up_to(size.accounts)?), chance.up_to(size.documents)?);
        let mut reader = app.db().read().await?;
        let began = Instant::now();
        let _explained = policy.explain(reader.conn(), who, "document:write", document).await?;
        times.add(began);
    }
    table.row("explanation, p50", times.at(50), "", &times.beside(""));
    let began = Instant::now();
    let (old, new) = (Policy::unproved(app, &declared())?, Policy::unproved(app, &changed())?);
    let changes = Policy::diff(&old, &new, app).await?;
    let seconds = began.elapsed().as_secs_f64();
    let lost = changes.first().map_or(0, |change| change.accounts);
    let beside = format!("{} accounts, of which {lost} lose something", size.accounts);
    table.row("diff of two policies, one term removed", format!("{seconds:.1} s"), "", &beside);
    Ok(())
}

/// Seconds.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn add(&mut self, began: Instant) {
        self.0.push(began.elapsed().as_secs_f64());
    }

    fn at(&self, hundredths: usize) -> String {
        let mut times = self.0.clone();
        times.sort_by(f64::total_cmp);
        let seconds = times.get(times.len() * hundredths / 100).copied().unwrap_or(f64::NAN);
        format!("{:.2} ms", seconds * 1000.0)
    }

    fn beside(&self, more: &str) -> String {
        let comma = if more.is_empty() { "" } else { ", " };
        format!("p50 {}, p99 {}{comma}{more}", self.at(50), self.at(99))
    }
}

/// The same read of a document: with `May`, and with a guard and a condition written by hand.
fn beside(
    server: &Process,
    size: Size,
    accounts: &[logins::Account],
    rounds: u16,
    table: &mut Table,
) -> Result<(), Failure> {
    let to_all = |path: &str| -> Vec<Vec<u8>> {
        let each = accounts.iter().zip(0..);
        each.map(|(account, at)| {
            client::get(&format!("/{path}/{}", document_of(size, at)), Some(&account.token))
        })
        .collect()
    };
    let (may, by_hand) = (to_all("may"), to_all("by-hand"));
    let (mut mays, mut by_hands) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        mays.push(load::run(server.address(), &may, ROUND)?);
        by_hands.push(load::run(server.address(), &by_hand, ROUND)?);
    }
    let share = percent(&Load::rates(&mays), &Load::rates(&by_hands));
    let (may, by_hand) = (Load::median(&mays), Load::median(&by_hands));
    table.row("read of a row with `May`", rate(may.per_second), "", &may.latency());
    table.row("the same with a condition written by hand", rate(by_hand.per_second), "", &by_hand.latency());
    table.row("`May` of written by hand", share, "≥ 90 %", "");
    Ok(())
}

/// The folder that the account of a connection has a role on.
fn folder_of(size: Size, at: i64) -> i64 {
    size.folders / BRANCHES + at % (size.folders / BRANCHES)
}

/// A document in it: see [`fill`].
fn document_of(size: Size, at: i64) -> i64 {
    folder_of(size, at) - 1
}

async fn share(app: &App, size: Size, accounts: &[logins::Account]) -> Result<(), Failure> {
    let dialect = app.db().dialect();
    let mut tx = app.db().begin().await?;
    for (account, at) in accounts.iter().zip(0..) {
        let id = uuid(dialect, &(size.grants + 1000 + at).to_string());
        let sql = format!(
            "INSERT INTO grants (id, object_type, object_number, role, account_id, created_at)
             VALUES ({id}, 'folder', {}, 'viewer', {}, 0)",
            folder_of(size, at),
            account.id
        );
        tx.conn().execute(sql.leak(), Vec::new()).await?;
    }
    Ok(tx.commit().await?)
}

fn uuid(dialect: Dialect, number: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("unhex(printf('%032x', {number}))"),
        Dialect::Postgres => format!("lpad(to_hex({number}), 32, '0')::uuid"),
    }
}

/// Makes the rows. Numbers that share no divisor with the sizes spread what refers to what.
#[expect(clippy::too_many_lines, reason = "one table after another")]
async fn fill(app: &App, size: Size) -> Result<(), Failure> {
    let dialect = app.db().dialect();
    let uuid = |number: &str| uuid(dialect, number);
    // One row for each number `n`.
    let each = |count: i64, columns: &str| match dialect {
        Dialect::Sqlite => format!(
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT {columns} FROM s"
        ),
        Dialect::Postgres => format!("SELECT {columns} FROM generate_series(1, {count}::bigint) s(n)"),
    };
    let Size { documents, folders, grants, memberships, groups, accounts } = size;
    let [(many, ..), (ten, ..), _] = size.viewers();
    let (top, middle) = (groups / 10, groups / 2);
    let account =
        "INSERT INTO accounts (email, full_name, folded_name, is_active, created_at, updated_at, role)";
    let grant = "INSERT INTO grants (id, object_type, object_number, role, account_id, group_id, created_at)";
    let path = "INSERT INTO group_paths (descendant_id, ancestor_id, distance)";
    // A tenth are organisations, the next are teams in them, and the rest teams in those.
    let above = format!(
        "CASE WHEN n <= {top} THEN NULL WHEN n <= {middle} THEN {} ELSE {} END",
        uuid(&format!("(n % {top} + 1)")),
        uuid(&format!("({top} + 1 + n % ({middle} - {top}))"))
    );
    let statements = [
        format!(
            "{account} {}",
            each(accounts + 3, "'row' || n || '@example.com', 'Ada', 'ada', TRUE, 0, 0, 'user'")
        ),
        format!(
            "INSERT INTO folders (id, parent_id) {}",
            each(folders, &format!("n, CASE WHEN n < {BRANCHES} THEN NULL ELSE n / {BRANCHES} END"))
        ),
        format!(
            "INSERT INTO documents (id, owner_id, folder_id, is_public, title) {}",
            each(documents, &format!("n, n % {accounts} + 1, n % {folders} + 1, FALSE, 'Document ' || n"))
        ),
        format!(
            "INSERT INTO groups (id, kind, name, parent_id, created_at) {}",
            each(
                groups,
                &format!(
                    "{}, CASE WHEN n <= {top} THEN 'organisation' ELSE 'team' END, 'Group ' || n, {above}, 0",
                    uuid("n")
                )
            )
        ),
        format!("{path} SELECT id, id, 0 FROM groups"),
        format!("{path} SELECT id, parent_id, 1 FROM groups WHERE parent_id IS NOT NULL"),
        format!(
            "{path} SELECT g.id, p.parent_id, 2 FROM groups g JOIN groups p ON p.id = g.parent_id
             WHERE p.parent_id IS NOT NULL"
        ),
        // Ten groups for each account. `WHERE TRUE`: SQLite takes an `ON` after `FROM` for a join's.
        format!(
            "INSERT INTO memberships (account_id, group_id, role, created_at) {} WHERE TRUE ON CONFLICT DO NOTHING",
            each(
                memberships,
                &format!(
                    "(n - 1) / 10 % {accounts} + 1, {}, 'member', 0",
                    uuid(&format!("(n * 7919 % {groups} + 1)"))
                )
            )
        ),
        // 70 % on documents, 30 % on folders without many below them; half to accounts, half to groups.
        format!(
            "{grant} {} WHERE TRUE ON CONFLICT DO NOTHING",
            each(
                grants,
                &format!(
                    "{}, CASE WHEN n % 10 < 7 THEN 'document' ELSE 'folder' END,
                     CASE WHEN n % 10 < 7 THEN n * 7919 % {documents} + 1
                          ELSE {folders} - n * 31 % ({folders} * 2 / 3) END,
                     CASE WHEN n % 3 = 0 THEN 'editor' ELSE 'viewer' END,
                     CASE WHEN n / 10 % 2 = 0 THEN n * 101 % {accounts} + 1 END,
                     CASE WHEN n / 10 % 2 = 1 THEN {} END, 0",
                    uuid("n"),
                    uuid(&format!("(n * 17 % {groups} + 1)"))
                )
            )
        ),
        // A folder with some hundreds below it.
        format!(
            "{grant} VALUES ({}, 'folder', {}, 'viewer', {many}, NULL, 0)",
            uuid(&format!("({grants} + 1)")),
            (folders / 200).max(1)
        ),
        format!(
            "{grant} {}",
            each(
                10,
                &format!(
                    "{}, 'document', n * 97, 'viewer', {ten}, NULL, 0",
                    uuid(&format!("({grants} + 1 + n)"))
                )
            )
        ),
        LAST_INDEX.to_owned(),
    ];
    let mut tx = app.db().begin().await?;
    if dialect == Dialect::Postgres {
        // The server's own is 10 seconds, which is less than a million rows take.
        tx.conn().execute("SET LOCAL statement_timeout = 0", Vec::new()).await?;
    }
    for sql in TABLES {
        tx.conn().execute(sql, Vec::new()).await?;
    }
    for sql in statements {
        tx.conn().execute(sql.leak(), Vec::new()).await?;
    }
    tx.commit().await?;
    if dialect == Dialect::Postgres {
        // As autovacuum does. On SQLite the server keeps no statistics.
        let mut tx = app.db().begin().await?;
        tx.conn().execute("SET LOCAL statement_timeout = 0", Vec::new()).await?;
        let all = "ANALYZE accounts, documents, folders, grants, groups, group_paths, memberships";
        tx.conn().execute(all, Vec::new()).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The data directory of the server.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The data directory.
    #[arg(long)]
    data_dir: PathBuf,
    /// The database, if it is not in the data directory.
    #[arg(long)]
    database: Option<String>,
}

fn command(place: &Place) -> Result<Command, Failure> {
    let mut command = place.program(&std::env::current_exe()?);
    command.args(["permitted", "--data-dir"]).arg(place.folder());
    if let Some(url) = place.database_url() {
        command.args(["--database", &url]);
    }
    Ok(command)
}

fn config(folder: PathBuf, database: Option<String>) -> Result<Config, Failure> {
    let mut config = Config::new(folder);
    config.public_url = Some(PUBLIC_URL.parse()?);
    config.limits = false;
    if let Some(url) = database {
        config.database = DatabaseConfig::new(url.parse()?);
    }
    Ok(config)
}

/// Serves the account system and the two reads.
pub(crate) fn serve(options: Options) -> Result<(), Failure> {
    let config = config(options.data_dir, options.database)?;
    let _log = log::init(LogFormat::Text, &config.log)?;
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let app = Box::pin(App::open(config)).await?;
        app.open_policy(&declared()).await?;
        let (reads, _document) = Api::<App>::new("Documents", "1.0")
            .scheme::<SessionTokens>(SecurityScheme::oauth2_password("login"))
            .get("/may/{id}", read_with_may)
            .get("/by-hand/{id}", read_by_hand)
            .finish()?;
        let reads = middleware::wrap(reads.with_state(app.clone()), false, &[]);
        let router = app.router()?.merge(reads);
        crate::comparison::greet(address)?;
        serve::serve(listener, router, serve::signals()).await;
        app.close().await;
        Ok(())
    })
}

async fn read_with_may(may: May<SessionTokens, ReadDocument>) -> Json<Document> {
    Json(may.into_object())
}

/// What a careful person writes: the same question, with the same indexes in mind.
const BY_HAND: &str = "
    SELECT d.* FROM documents d WHERE d.id = $1 AND (d.owner_id = $2 OR d.is_public
        OR EXISTS (SELECT 1 FROM grants g
            WHERE g.object_type = 'document' AND g.object_number = d.id AND g.role IN ('viewer', 'editor')
            AND (g.account_id = $2 OR g.group_id IN (SELECT p.ancestor_id FROM memberships m
                JOIN group_paths p ON p.descendant_id = m.group_id WHERE m.account_id = $2))
            AND (g.expires_at IS NULL OR g.expires_at > $3))
        OR EXISTS (SELECT 1 FROM grants g
            WHERE g.object_type = 'folder' AND g.role IN ('viewer', 'editor') AND g.object_number IN (
                WITH RECURSIVE up(id) AS (SELECT d.folder_id
                    UNION SELECT (SELECT f.parent_id FROM folders f WHERE f.id = up.id) FROM up WHERE up.id IS NOT NULL)
                SELECT id FROM up)
            AND (g.account_id = $2 OR g.group_id IN (SELECT p.ancestor_id FROM memberships m
                JOIN group_paths p ON p.descendant_id = m.group_id WHERE m.account_id = $2))
            AND (g.expires_at IS NULL OR g.expires_at > $3)))";

async fn read_by_hand(
    guard: Guard<SessionTokens, ReadDocument>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Json<Document>, Error> {
    let arguments = vec![id.encode(), guard.principal().account.encode(), app.clock().now().encode()];
    let mut reader = app.db().read().await?;
    let found = reader.conn().fetch_optional(BY_HAND, arguments).await?;
    found.map(Json).ok_or(Error::NotFound)
}
