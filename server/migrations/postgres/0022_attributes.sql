-- Attributes of accounts and organisations, as the operator declares them. The twin of
-- migrations/sqlite/0022_attributes.sql: change both.

-- One value. Its column is that of its type, so that a comparison casts nothing and an index serves. What is no longer
-- declared is kept.
CREATE TABLE attribute_values (
    account_id    BIGINT  REFERENCES accounts (id) ON DELETE CASCADE,
    group_id      UUID    REFERENCES groups (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL CHECK (length(name) <= 30),
    text_value    TEXT    CHECK (octet_length(text_value) <= 1024),
    integer_value BIGINT,
    boolean_value BOOLEAN,
    UNIQUE (account_id, name),
    UNIQUE (group_id, name),
    CHECK ((account_id IS NULL) <> (group_id IS NULL)),
    CHECK (num_nonnulls(text_value, integer_value, boolean_value) = 1)
);
-- From a value to the accounts that have it.
CREATE INDEX attribute_values_by_value
    ON attribute_values (name, text_value, integer_value, boolean_value, account_id);
