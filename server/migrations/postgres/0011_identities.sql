-- Logins with other providers. The twin of migrations/sqlite/0011_identities.sql: change both.

-- An account at another provider, with which its owner logs in here. Issuer and subject are the key (OpenID Connect
-- Core §5.7); `email` is what the provider said when it was linked, for people to recognise, and decides nothing.
CREATE TABLE identities (
    id           UUID   PRIMARY KEY,
    account_id   BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    issuer       TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    provider     TEXT   NOT NULL,
    email        TEXT,
    linked_at    BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_by_account ON identities (account_id);

-- A browser that was sent to a provider and has not come back: one row for each attempt. `digest` is the SHA-256 of the
-- `state`, `cookie_digest` that of the attempt's own cookie. `sealed` has the nonce and the PKCE verifier, `sealed_answer`
-- what a provider posted as a form, which arrives without the browser's cookies. `session_id`: the session that asked to
-- link an identity; NULL for a login. Deleting the row is the use.
CREATE TABLE social_attempts (
    digest        BYTEA  PRIMARY KEY CHECK (length(digest) = 32),
    cookie_digest BYTEA  NOT NULL CHECK (length(cookie_digest) = 32),
    provider      TEXT   NOT NULL,
    session_id    UUID   REFERENCES sessions (id) ON DELETE CASCADE,
    sealed        BYTEA  NOT NULL,
    sealed_answer BYTEA,
    way_back      TEXT   NOT NULL,
    expires_at    BIGINT NOT NULL
);
CREATE INDEX social_attempts_by_expiry ON social_attempts (expires_at);
CREATE INDEX social_attempts_by_session ON social_attempts (session_id) WHERE session_id IS NOT NULL;

-- An identity whose address is still to be proved by an emailed code, for exactly this issuer and subject. `digest` is
-- the SHA-256 of the token that the browser's page holds. `email` and `code_mac`: where the newest code was sent, and its
-- MAC. Deleting the row is the use.
CREATE TABLE link_proofs (
    digest     BYTEA  PRIMARY KEY CHECK (length(digest) = 32),
    issuer     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    provider   TEXT   NOT NULL,
    full_name  TEXT,
    email      TEXT,
    code_mac   BYTEA  CHECK (length(code_mac) = 32),
    tries      BIGINT NOT NULL DEFAULT 0,
    way_back   TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX link_proofs_by_expiry ON link_proofs (expires_at);
