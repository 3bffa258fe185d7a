-- API keys: what programs show instead of a session. The twin of migrations/postgres/0013_api_keys.sql: change both.

-- A key that has ended has no row: `expires_at` is the only end that is still to come.
CREATE TABLE api_keys (
    -- The part of the key that is not secret.
    id                TEXT    PRIMARY KEY NOT NULL CHECK (length(id) = 12),
    -- SHA-256 of the whole key.
    digest            BLOB    NOT NULL CHECK (length(digest) = 32),
    account_id        INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- What the key begins with.
    prefix            TEXT    NOT NULL,
    name              TEXT    NOT NULL,
    -- At most this; less if the account may do less.
    scope             TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    -- To the minute.
    last_used_at      INTEGER,
    last_used_address TEXT,
    -- The key that was made to replace this one; both work until this one expires.
    replaced_by       TEXT,
    -- When the owner was told that it expires soon.
    warned_at         INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_account ON api_keys (account_id);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at);
