-- An account may have no password: other ways in prove who its owner is. `credential_epoch` is raised by every change of
-- a password or of another way in: what was proved before such a change begins no session after it.
ALTER TABLE accounts ALTER COLUMN password_hash DROP NOT NULL;
ALTER TABLE accounts ADD COLUMN credential_epoch BIGINT NOT NULL DEFAULT 0;

-- How its owner proved who they are: names of RFC 8176 with spaces between them. Empty for sessions of before.
ALTER TABLE sessions ADD COLUMN amr TEXT NOT NULL DEFAULT '';
