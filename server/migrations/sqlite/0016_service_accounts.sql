-- Service accounts: accounts of an organisation that programs use, with API keys only; and limits of keys. The twin of
-- migrations/postgres/0016_service_accounts.sql: change both.

-- NULL for a person. A service account is deleted with its organisation. It can have no password and no role beyond
-- `user`, and its `email` is a placeholder without `@`, which no parsed address equals.
ALTER TABLE accounts ADD COLUMN organisation_id BLOB REFERENCES groups (id) ON DELETE CASCADE
    CHECK (organisation_id IS NULL OR (password_hash IS NULL AND role = 'user' AND email NOT LIKE '%@%'));
CREATE INDEX accounts_by_organisation ON accounts (organisation_id) WHERE organisation_id IS NOT NULL;

-- The most requests a minute; NULL: no limit. Counted by each instance.
ALTER TABLE api_keys ADD COLUMN per_minute INTEGER CHECK (per_minute BETWEEN 1 AND 10000);
