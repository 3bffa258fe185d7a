-- An account may have no password: other ways in prove who its owner is. SQLite cannot drop a NOT NULL, so the column is
-- made anew. `credential_epoch` is raised by every change of a password or of another way in: what was proved before
-- such a change begins no session after it.
ALTER TABLE accounts ADD COLUMN new_hash TEXT;
UPDATE accounts SET new_hash = password_hash;
ALTER TABLE accounts DROP COLUMN password_hash;
ALTER TABLE accounts RENAME COLUMN new_hash TO password_hash;
ALTER TABLE accounts ADD COLUMN credential_epoch INTEGER NOT NULL DEFAULT 0;

-- How its owner proved who they are: names of RFC 8176 with spaces between them. Empty for sessions of before.
ALTER TABLE sessions ADD COLUMN amr TEXT NOT NULL DEFAULT '';
