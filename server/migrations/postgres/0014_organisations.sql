-- Organisations that people use: who may do what in one, how it is found, and who is invited. The twin of
-- migrations/sqlite/0014_organisations.sql: change both.

-- As a search looks for it; NULL of groups of before, whose names are folded by the database.
ALTER TABLE groups ADD COLUMN folded_name TEXT;

-- The role 'admin' is new.
ALTER TABLE memberships DROP CONSTRAINT memberships_role_check;
ALTER TABLE memberships ADD CONSTRAINT memberships_role_check CHECK (role IN ('member', 'admin', 'owner'));
DROP INDEX memberships_by_group;
CREATE INDEX memberships_by_group ON memberships (group_id, account_id);

-- Who was invited to an organisation by email and has not joined yet: deleting the row is the use. `digest` is the
-- SHA-256 of the link's token. It ends with the account that invited.
CREATE TABLE invitations (
    id         UUID   PRIMARY KEY,
    digest     BYTEA  NOT NULL UNIQUE CHECK (length(digest) = 32),
    group_id   UUID   NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    email      TEXT   NOT NULL,
    role       TEXT   NOT NULL CHECK (role IN ('member', 'admin')),
    invited_by BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (group_id, email)
);
CREATE INDEX invitations_by_email ON invitations (email);
CREATE INDEX invitations_by_inviter ON invitations (invited_by);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);
