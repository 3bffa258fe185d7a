-- The twin of migrations/sqlite/0024_looks.sql: change both.

-- Each event looks for those like it in the last minute.
CREATE INDEX audit_events_like ON audit_events (account_id, event, COALESCE(address, ''), at);
