-- The twin of migrations/postgres/0025_given_grants.sql: change both.

-- The export of an account lists what it has shared, page by page.
CREATE INDEX grants_by_giver ON grants (given_by, id) WHERE given_by IS NOT NULL;
