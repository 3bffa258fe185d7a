-- The twin of migrations/postgres/0024_looks.sql: change both.

-- Each login looks at an account's sessions that nobody has ended; there are at most 100 of them.
CREATE INDEX sessions_open ON sessions (account_id) WHERE ended_at IS NULL;

-- Each event looks for those like it in the last minute.
CREATE INDEX audit_events_like ON audit_events (account_id, event, COALESCE(address, ''), at);
