-- Passkeys. The twin of migrations/postgres/0012_passkeys.sql: change both.

-- A credential of Web Authentication. `user_handle` is what the authenticator knows the account by. `public_key` is a COSE key as the authenticator sent it. `sign_count` is 0 if the
-- authenticator has no counter.
CREATE TABLE passkeys (
    id                 BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    account_id         INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    credential_id      BLOB    NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    user_handle        BLOB    NOT NULL,
    public_key         BLOB    NOT NULL,
    sign_count         INTEGER NOT NULL,
    is_backup_eligible INTEGER NOT NULL CHECK (is_backup_eligible IN (0, 1)),
    is_backed_up       INTEGER NOT NULL CHECK (is_backed_up IN (0, 1)),
    name               TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    last_used_at       INTEGER
) STRICT;
CREATE INDEX passkeys_by_account ON passkeys (account_id);

-- Challenges that were given out: deleting the row is the use. `digest` is the SHA-256 of the challenge, `bound_to` one of
-- the session, the browser's cookie or the login that waits. `account_id` is whose passkeys may answer, if that is known.
CREATE TABLE passkey_challenges (
    digest     BLOB    PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    ceremony   TEXT    NOT NULL CHECK (ceremony IN ('add', 'log in', 'confirm', 'second factor')),
    bound_to   BLOB    NOT NULL CHECK (length(bound_to) = 32),
    account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_challenges_by_bond ON passkey_challenges (bound_to, ceremony, expires_at);
CREATE INDEX passkey_challenges_by_account ON passkey_challenges (account_id);
CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
