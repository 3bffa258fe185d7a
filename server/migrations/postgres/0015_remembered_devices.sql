-- Browsers that are not asked for the second factor again. The twin of migrations/sqlite/0015_remembered_devices.sql:
-- change both.

-- `digest` is the SHA-256 of the cookie. `created_at` is when the second factor was shown there. The rows of an account go
-- with its sessions, when all of them end.
CREATE TABLE remembered_devices (
    id           UUID   PRIMARY KEY,
    digest       BYTEA  NOT NULL UNIQUE CHECK (length(digest) = 32),
    account_id   BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX remembered_devices_by_account ON remembered_devices (account_id, created_at);
CREATE INDEX remembered_devices_by_expiry ON remembered_devices (expires_at);
