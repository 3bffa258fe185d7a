-- The twin of migrations/sqlite/0020_used_challenges.sql: change both.

-- A challenge carries its own proof, so only those that were used are stored, until they expire. `digest` is the SHA-256 of
-- the challenge.
DROP TABLE passkey_challenges;
CREATE TABLE used_passkey_challenges (
    digest     BYTEA   PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    expires_at BIGINT  NOT NULL
);
CREATE INDEX used_passkey_challenges_by_expiry ON used_passkey_challenges (expires_at);
