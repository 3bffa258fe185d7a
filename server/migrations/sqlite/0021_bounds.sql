-- The twin of migrations/postgres/0021_bounds.sql: change both.

-- Emails about something that has happened are sent after those that someone waits for.
ALTER TABLE mails ADD COLUMN is_notice INTEGER NOT NULL DEFAULT 0 CHECK (is_notice IN (0, 1));
DROP INDEX mails_by_attempt;
CREATE INDEX mails_by_turn ON mails (is_question, is_notice, next_attempt_at, id) WHERE failed_at IS NULL;

-- An export reads them page by page.
DROP INDEX sessions_by_account;
CREATE INDEX sessions_by_account ON sessions (account_id, id);

-- Events that follow many like them within a minute are counted in one of those rows.
ALTER TABLE audit_events ADD COLUMN repeated INTEGER NOT NULL DEFAULT 0;
