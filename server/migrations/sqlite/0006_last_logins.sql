-- What an account's owner and its administrators see of it: when its owner last logged in, and when its password was
-- last set (NULL: before this was recorded). The twin of migrations/postgres/0004_last_logins.sql: change both.
ALTER TABLE accounts ADD COLUMN last_login_at INTEGER;
ALTER TABLE accounts ADD COLUMN password_changed_at INTEGER;
UPDATE accounts SET last_login_at =
    (SELECT max(authenticated_at) FROM sessions WHERE sessions.account_id = accounts.id);
