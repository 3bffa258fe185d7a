-- Organisations that people use: who may do what in one, how it is found, and who is invited. The twin of
-- migrations/postgres/0014_organisations.sql: change both.

-- As a search looks for it; NULL of groups of before, whose names are folded by the database.
ALTER TABLE groups ADD COLUMN folded_name TEXT;

-- The role 'admin' is new. SQLite changes no CHECK, so the table is made anew.
CREATE TABLE new_memberships (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    group_id   BLOB    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL CHECK (role IN ('member', 'admin', 'owner')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_memberships (account_id, group_id, role, created_at)
    SELECT account_id, group_id, role, created_at FROM memberships;
DROP TABLE memberships;
ALTER TABLE new_memberships RENAME TO memberships;
CREATE INDEX memberships_by_group ON memberships (group_id, account_id);

-- Who was invited to an organisation by email and has not joined yet: deleting the row is the use. `digest` is the
-- SHA-256 of the link's token. It ends with the account that invited.
CREATE TABLE invitations (
    id         BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    group_id   BLOB    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    email      TEXT    NOT NULL,
    role       TEXT    NOT NULL CHECK (role IN ('member', 'admin')),
    invited_by INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (group_id, email)
) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_by_email ON invitations (email);
CREATE INDEX invitations_by_inviter ON invitations (invited_by);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);
