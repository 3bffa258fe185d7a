-- API keys: what programs show instead of a session. The twin of migrations/sqlite/0013_api_keys.sql: change both.

-- A key that has ended has no row: `expires_at` is the only end that is still to come.
CREATE TABLE api_keys (
    -- The part of the key that is not secret.
    id                TEXT   PRIMARY KEY CHECK (length(id) = 12),
    -- SHA-256 of the whole key.
    digest            BYTEA  NOT NULL CHECK (octet_length(digest) = 32),
    account_id        BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- What the key begins with.
    prefix            TEXT   NOT NULL,
    name              TEXT   NOT NULL,
    -- At most this; less if the account may do less.
    scope             TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    expires_at        BIGINT NOT NULL,
    -- To the minute.
    last_used_at      BIGINT,
    last_used_address TEXT,
    -- The key that was made to replace this one; both work until this one expires.
    replaced_by       TEXT,
    -- When the owner was told that it expires soon.
    warned_at         BIGINT
);
CREATE INDEX api_keys_by_account ON api_keys (account_id);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at);
