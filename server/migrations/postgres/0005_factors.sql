-- Second factors. The twin of migrations/sqlite/0005_factors.sql: change both.

-- The key of an authenticator app (RFC 6238), sealed with the secret key. No code of `last_step` or an earlier step is
-- accepted again.
CREATE TABLE totp (
    account_id BIGINT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    sealed_key BYTEA   NOT NULL,
    last_step  BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- A key that was shown and counts after its first right code, in the session that asked for it.
CREATE TABLE totp_enrolments (
    account_id BIGINT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    session_id UUID   NOT NULL,
    sealed_key BYTEA   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX totp_enrolments_by_expiry ON totp_enrolments (expires_at);

-- SHA-256 of codes that are used instead of the app: deleting the row is the use.
CREATE TABLE recovery_codes (
    digest     BYTEA   PRIMARY KEY CHECK (length(digest) = 32),
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX recovery_codes_by_account ON recovery_codes (account_id);

-- Logins whose first factor was right and whose second one is asked for. `digest` is the SHA-256 of the token that the
-- client has. `epoch`: a login ends with a change of the account's credentials. `before_session` is the browser's session
-- that this login replaces. `sealed_key`: a key that was shown to an account that has to enrol first.
CREATE TABLE logins (
    digest         BYTEA   PRIMARY KEY CHECK (length(digest) = 32),
    account_id     BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    epoch          BIGINT NOT NULL,
    method         TEXT    NOT NULL,
    scope          TEXT    NOT NULL,
    transport      TEXT    NOT NULL,
    before_session UUID,
    sealed_key     BYTEA,
    tries          BIGINT NOT NULL DEFAULT 0,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX logins_by_account ON logins (account_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);
