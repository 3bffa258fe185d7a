-- Accounts and what signs them in. The twin of migrations/postgres/0001_accounts.sql: change both.
--
-- Moments (…_at) are microseconds since 1970. Identifiers are UUIDv7 in 16 bytes, but for accounts, whose numbers
-- people read. STRICT, because SQLite would otherwise store any type in any column.

-- AUTOINCREMENT: the number of a deleted account is never given to another, for tokens and logs still name it.
-- `email` is the canonical form that the program makes; the constraint is what makes addresses unique.
-- `password_hash` is a PHC string.
CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    email         TEXT    NOT NULL UNIQUE,
    full_name     TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    is_active     INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- One log-in. A session is alive while `ended_at` is NULL and `expires_at` lies ahead: an access token is worth
-- nothing once its session has ended. Address and user agent let the owner recognise a stranger's session.
CREATE TABLE sessions (
    id         BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER,
    address    TEXT,
    user_agent TEXT
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account_id);
-- For the sweep of what has expired.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Keys that sign access tokens. The private half is sealed with the secret key: the database alone signs nothing.
-- The primary key lets one of two instances that make a generation at once win.
CREATE TABLE signing_keys (
    generation         INTEGER PRIMARY KEY,
    kid                TEXT    NOT NULL UNIQUE,
    algorithm          TEXT    NOT NULL,
    sealed_private_key BLOB    NOT NULL,
    public_key         BLOB    NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT;

-- Counters of failed attempts, here so that they count once over all instances and survive a restart. The key is an
-- HMAC of what is counted (an address, a submitted name): neither is stored.
CREATE TABLE attempts (
    key            BLOB    PRIMARY KEY NOT NULL CHECK (length(key) = 32),
    failures       INTEGER NOT NULL,
    window_ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_end ON attempts (window_ends_at);

-- From where an account has signed in before, as HMACs: its owner is not locked out when others guess from elsewhere.
CREATE TABLE known_addresses (
    account_id   INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address      BLOB    NOT NULL CHECK (length(address) = 32),
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, address)
) STRICT, WITHOUT ROWID;

-- What happened. `account_id` refers to nothing: the record outlives the account.
CREATE TABLE audit_events (
    id         BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    account_id INTEGER,
    actor      TEXT,
    address    TEXT,
    request_id TEXT
) STRICT;
CREATE INDEX audit_events_by_account ON audit_events (account_id, at);

-- One picture for each account. Its bytes lie in the object store under its id, which is new for each upload, so
-- that a reader never sees half of one.
CREATE TABLE profile_images (
    id           BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    account_id   INTEGER NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
    content_type TEXT    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;
