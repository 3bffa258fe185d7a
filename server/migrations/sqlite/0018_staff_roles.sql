-- Roles that the operator declares for those who read accounts and the audit log. The twin of
-- migrations/postgres/0018_staff_roles.sql: change both.

-- NULL: `role` says what the account may do. Otherwise `role` is 'user', so that whatever does not know the declared
-- roles lets the account do nothing.
ALTER TABLE accounts ADD COLUMN staff_role TEXT
    CHECK (staff_role IS NULL OR (role = 'user' AND organisation_id IS NULL AND length(staff_role) <= 24));
