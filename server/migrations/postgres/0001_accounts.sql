-- Accounts and what signs them in. The twin of migrations/sqlite/0001_accounts.sql: change both.
--
-- Moments (…_at) are microseconds since 1970. Identifiers are UUIDv7, but for accounts, whose numbers people read.
-- Every integer is a BIGINT, so that one Rust type reads it from either database.

-- IDENTITY: the number of a deleted account is never given to another, for tokens and logs still name it.
-- `email` is the canonical form that the program makes; the constraint is what makes addresses unique.
-- COLLATE "C": bytes compare as bytes, whatever the language of the database, and as SQLite does.
-- `password_hash` is a PHC string.
CREATE TABLE accounts (
    id            BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         TEXT    COLLATE "C" NOT NULL UNIQUE,
    full_name     TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    is_active     BOOLEAN NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);

-- One log-in. A session is alive while `ended_at` is NULL and `expires_at` lies ahead: an access token is worth
-- nothing once its session has ended. Address and user agent let the owner recognise a stranger's session.
CREATE TABLE sessions (
    id         UUID   PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT,
    address    TEXT,
    user_agent TEXT
);
CREATE INDEX sessions_by_account ON sessions (account_id);
-- For the sweep of what has expired.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Keys that sign access tokens. The private half is sealed with the secret key: the database alone signs nothing.
-- The primary key lets one of two instances that make a generation at once win.
CREATE TABLE signing_keys (
    generation         BIGINT PRIMARY KEY,
    kid                TEXT   NOT NULL UNIQUE,
    algorithm          TEXT   NOT NULL,
    sealed_private_key BYTEA  NOT NULL,
    public_key         BYTEA  NOT NULL,
    created_at         BIGINT NOT NULL
);

-- Counters of failed attempts, here so that they count once over all instances and survive a restart. The key is an
-- HMAC of what is counted (an address, a submitted name): neither is stored.
CREATE TABLE attempts (
    key            BYTEA  PRIMARY KEY CHECK (length(key) = 32),
    failures       BIGINT NOT NULL,
    window_ends_at BIGINT NOT NULL
);
CREATE INDEX attempts_by_end ON attempts (window_ends_at);

-- From where an account has signed in before, as HMACs: its owner is not locked out when others guess from elsewhere.
CREATE TABLE known_addresses (
    account_id   BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address      BYTEA  NOT NULL CHECK (length(address) = 32),
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);

-- What happened. `account_id` refers to nothing: the record outlives the account.
CREATE TABLE audit_events (
    id         UUID   PRIMARY KEY,
    at         BIGINT NOT NULL,
    event      TEXT   NOT NULL,
    account_id BIGINT,
    actor      TEXT,
    address    TEXT,
    request_id TEXT
);
CREATE INDEX audit_events_by_account ON audit_events (account_id, at);

-- One picture for each account. Its bytes lie in the object store under its id, which is new for each upload, so
-- that a reader never sees half of one.
CREATE TABLE profile_images (
    id           UUID   PRIMARY KEY,
    account_id   BIGINT NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
    content_type TEXT   NOT NULL,
    created_at   BIGINT NOT NULL
);
