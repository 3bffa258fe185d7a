-- Attributes of accounts and organisations, as the operator declares them. The twin of
-- migrations/postgres/0022_attributes.sql: change both.

-- One value. Its column is that of its type, so that a comparison casts nothing and an index serves. What is no longer
-- declared is kept.
CREATE TABLE attribute_values (
    account_id    INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    group_id      BLOB    REFERENCES groups (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL CHECK (length(name) <= 30),
    text_value    TEXT    CHECK (length(CAST(text_value AS BLOB)) <= 1024),
    integer_value INTEGER,
    boolean_value INTEGER CHECK (boolean_value IN (0, 1)),
    UNIQUE (account_id, name),
    UNIQUE (group_id, name),
    CHECK ((account_id IS NULL) <> (group_id IS NULL)),
    CHECK ((text_value IS NOT NULL) + (integer_value IS NOT NULL) + (boolean_value IS NOT NULL) = 1)
) STRICT;
-- From a value to the accounts that have it.
CREATE INDEX attribute_values_by_value
    ON attribute_values (name, text_value, integer_value, boolean_value, account_id);
