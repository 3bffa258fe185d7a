-- Who may do what: groups of accounts, and roles that are given on rows of an application's own tables. The twin of
-- migrations/postgres/0010_policy.sql: change both.

-- An organisation or a team. A team is in an organisation or in another team, eight levels in all.
CREATE TABLE groups (
    id         BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    kind       TEXT    NOT NULL CHECK (kind IN ('organisation', 'team')),
    name       TEXT    NOT NULL,
    parent_id  BLOB    REFERENCES groups (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX groups_by_parent ON groups (parent_id);

-- Every pair of a group and one that it is in, itself included (`distance` 0), so that a decision needs no recursion.
-- Changed in the transaction that changes `groups.parent_id`, under the lock `groups`.
CREATE TABLE group_paths (
    descendant_id BLOB    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    ancestor_id   BLOB    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    distance      INTEGER NOT NULL,
    PRIMARY KEY (descendant_id, ancestor_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_paths_by_ancestor ON group_paths (ancestor_id);
INSERT INTO locks (name, taken_at) VALUES ('groups', 0), ('object_trees', 0);

CREATE TABLE memberships (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    group_id   BLOB    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL CHECK (role IN ('member', 'owner')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_by_group ON memberships (group_id);

-- A role on one object, given to an account or to a group. Objects are rows of the application's tables, so nothing
-- refers to them here. The id is in the column of its kind, so that it is never cast and its index serves.
CREATE TABLE grants (
    id            BLOB    PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    object_type   TEXT    NOT NULL,
    object_number INTEGER,
    object_uuid   BLOB    CHECK (length(object_uuid) = 16),
    role          TEXT    NOT NULL,
    account_id    INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    group_id      BLOB    REFERENCES groups (id) ON DELETE CASCADE,
    given_by      INTEGER,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    CHECK ((object_number IS NULL) <> (object_uuid IS NULL)),
    CHECK ((account_id IS NULL) <> (group_id IS NULL))
) STRICT;
-- From an object to its grants, and one grant of each kind. No account has the number 0.
CREATE UNIQUE INDEX grants_by_number
    ON grants (object_type, object_number, role, COALESCE(account_id, 0), COALESCE(group_id, x''))
    WHERE object_number IS NOT NULL;
CREATE UNIQUE INDEX grants_by_uuid
    ON grants (object_type, object_uuid, role, COALESCE(account_id, 0), COALESCE(group_id, x''))
    WHERE object_uuid IS NOT NULL;
-- From an account or a group to what it was given; with all that a list asks.
CREATE INDEX grants_by_account ON grants (account_id, object_type, role, object_number, object_uuid, expires_at)
    WHERE account_id IS NOT NULL;
CREATE INDEX grants_by_group ON grants (group_id, object_type, role, object_number, object_uuid, expires_at)
    WHERE group_id IS NOT NULL;
CREATE INDEX grants_by_expiry ON grants (expires_at) WHERE expires_at IS NOT NULL;
