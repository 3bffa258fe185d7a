-- Second factors. The twin of migrations/postgres/0005_factors.sql: change both.

-- The key of an authenticator app (RFC 6238), sealed with the secret key. No code of `last_step` or an earlier step is
-- accepted again.
CREATE TABLE totp (
    account_id INTEGER PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    sealed_key BLOB    NOT NULL,
    last_step  INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- A key that was shown and counts after its first right code, in the session that asked for it.
CREATE TABLE totp_enrolments (
    account_id INTEGER PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    session_id BLOB    NOT NULL CHECK (length(session_id) = 16),
    sealed_key BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX totp_enrolments_by_expiry ON totp_enrolments (expires_at);

-- SHA-256 of codes that are used instead of the app: deleting the row is the use.
CREATE TABLE recovery_codes (
    digest     BLOB    PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_codes_by_account ON recovery_codes (account_id);

-- Logins whose first factor was right and whose second one is asked for. `digest` is the SHA-256 of the token that the
-- client has. `epoch`: a login ends with a change of the account's credentials. `before_session` is the browser's session
-- that this login replaces. `sealed_key`: a key that was shown to an account that has to enrol first.
CREATE TABLE logins (
    digest         BLOB    PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    account_id     INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    epoch          INTEGER NOT NULL,
    method         TEXT    NOT NULL,
    scope          TEXT    NOT NULL,
    transport      TEXT    NOT NULL,
    before_session BLOB    CHECK (length(before_session) = 16),
    sealed_key     BLOB,
    tries          INTEGER NOT NULL DEFAULT 0,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_by_account ON logins (account_id);
CREATE INDEX logins_by_expiry ON logins (expires_at);
