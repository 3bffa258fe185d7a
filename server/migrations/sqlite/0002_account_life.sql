-- The account's life: refresh, cookies, mail, recovery, roles, webhooks. The twin of
-- migrations/postgres/0002_account_life.sql: change both.

-- `folded_name` is the full name in lower case, as a search looks for it: the two databases fold letters differently.
-- `language` is that of mails. After `deletion_due_at` the account is deleted; its owner can think again until then.
ALTER TABLE accounts ADD COLUMN role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin'));
ALTER TABLE accounts ADD COLUMN folded_name TEXT;
ALTER TABLE accounts ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
ALTER TABLE accounts ADD COLUMN email_verified_at INTEGER;
ALTER TABLE accounts ADD COLUMN deletion_due_at INTEGER;
CREATE INDEX accounts_by_deletion ON accounts (deletion_due_at) WHERE deletion_due_at IS NOT NULL;
CREATE INDEX accounts_by_role ON accounts (role) WHERE role <> 'user';

-- A session ends at `expires_at` unless it is used, which moves that to the idle end, but never beyond `ends_at`.
-- `authenticated_at`: when its owner last proved who they are (RFC 9470). `scope`: what its tokens may be for.
-- Of a cookie and of a refresh token only the SHA-256 is here. The previous refresh token's digest tells a lost
-- answer from a replay.
ALTER TABLE sessions ADD COLUMN ends_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN authenticated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN last_seen_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN cookie_digest BLOB CHECK (length(cookie_digest) = 32);
ALTER TABLE sessions ADD COLUMN refresh_digest BLOB CHECK (length(refresh_digest) = 32);
ALTER TABLE sessions ADD COLUMN previous_refresh_digest BLOB CHECK (length(previous_refresh_digest) = 32);
ALTER TABLE sessions ADD COLUMN refreshed_at INTEGER;
UPDATE sessions SET ends_at = expires_at, authenticated_at = created_at, last_seen_at = created_at;
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (cookie_digest) WHERE cookie_digest IS NOT NULL;

-- What was mailed to an account and may be used once: deleting the row is the use. One of each purpose, so a newer
-- one is the end of the older; but each address that the account has had keeps its own undo. `email` is the address
-- that it is about. `code_mac` is a short code that may be typed instead, with `tries` left.
CREATE TABLE links (
    digest     BLOB    PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose    TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    code_mac   BLOB    CHECK (length(code_mac) = 32),
    tries      INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (account_id, purpose, email)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_expiry ON links (expires_at);
CREATE INDEX links_by_undo ON links (email) WHERE purpose = 'undo_email';

-- Mail that waits to be sent. What it says, and to whom, is sealed: it holds links.
-- `next_attempt_at` is also the lease of the instance that is sending it. A row with `failed_at` is given up.
CREATE TABLE mails (
    id              BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    account_id      INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    sealed          BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    failed_at       INTEGER,
    is_question     INTEGER NOT NULL CHECK (is_question IN (0, 1)),
    last_error      TEXT
) STRICT;
CREATE INDEX mails_by_attempt ON mails (next_attempt_at) WHERE failed_at IS NULL;

-- Where applications want to be told, and what they are still to be told. A delivery has the event's id, which is one
-- for all webhooks. No reference from one to the other: an event must not fail because a webhook is removed at the
-- same moment; what is left behind is swept. `next_attempt_at` is also the lease of the instance that is delivering.
CREATE TABLE webhooks (
    id            BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    url           TEXT    NOT NULL,
    sealed_secret BLOB    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE webhook_deliveries (
    id              BLOB    NOT NULL CHECK (length(id) = 16),
    webhook_id      BLOB    NOT NULL CHECK (length(webhook_id) = 16),
    body            TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    attempted_at    INTEGER,
    next_attempt_at INTEGER NOT NULL,
    failed_at       INTEGER,
    last_error      TEXT,
    PRIMARY KEY (webhook_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_by_attempt ON webhook_deliveries (webhook_id, next_attempt_at) WHERE failed_at IS NULL;

-- The code that makes the first administrator: one row at most, and one use.
CREATE TABLE first_admin (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    expires_at INTEGER NOT NULL
) STRICT;

-- Rows that a transaction updates to be the only one that decides something.
CREATE TABLE locks (
    name     TEXT PRIMARY KEY NOT NULL,
    taken_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO locks (name, taken_at) VALUES ('administrators', 0);

-- Who did it to `account_id`, when that is another account. `detail`: what else an auditor asks; never a secret.
ALTER TABLE audit_events ADD COLUMN actor_id INTEGER;
ALTER TABLE audit_events ADD COLUMN detail TEXT;
CREATE INDEX audit_events_by_time ON audit_events (at);

-- Pictures whose account was deleted and whose bytes may still be there.
CREATE TABLE doomed_pictures (
    id BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    at INTEGER NOT NULL
) STRICT;
