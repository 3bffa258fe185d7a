-- Passkeys. The twin of migrations/sqlite/0012_passkeys.sql: change both.

-- A credential of Web Authentication. `user_handle` is what the authenticator knows the account by. `public_key` is a COSE key as the authenticator sent it. `sign_count` is 0 if the
-- authenticator has no counter.
CREATE TABLE passkeys (
    id                 UUID    PRIMARY KEY,
    account_id         BIGINT  NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    credential_id      BYTEA   NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    user_handle        BYTEA   NOT NULL,
    public_key         BYTEA   NOT NULL,
    sign_count         BIGINT  NOT NULL,
    is_backup_eligible BOOLEAN NOT NULL,
    is_backed_up       BOOLEAN NOT NULL,
    name               TEXT    NOT NULL,
    created_at         BIGINT  NOT NULL,
    last_used_at       BIGINT
);
CREATE INDEX passkeys_by_account ON passkeys (account_id);

-- Challenges that were given out: deleting the row is the use. `digest` is the SHA-256 of the challenge, `bound_to` one of
-- the session, the browser's cookie or the login that waits. `account_id` is whose passkeys may answer, if that is known.
CREATE TABLE passkey_challenges (
    digest     BYTEA  PRIMARY KEY CHECK (length(digest) = 32),
    ceremony   TEXT   NOT NULL CHECK (ceremony IN ('add', 'log in', 'confirm', 'second factor')),
    bound_to   BYTEA  NOT NULL CHECK (length(bound_to) = 32),
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_challenges_by_bond ON passkey_challenges (bound_to, ceremony, expires_at);
CREATE INDEX passkey_challenges_by_account ON passkey_challenges (account_id);
CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
