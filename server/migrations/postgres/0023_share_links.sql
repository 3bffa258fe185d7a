-- Links that let whoever has one do one thing with one object, without an account. The twin of
-- migrations/sqlite/0023_share_links.sql: change both.

-- `digest` is the SHA-256 of the link's token. A link allows what the account that gave it still may, and ends with it.
CREATE TABLE share_links (
    id            UUID   PRIMARY KEY,
    digest        BYTEA  NOT NULL UNIQUE CHECK (length(digest) = 32),
    object_type   TEXT   NOT NULL,
    object_number BIGINT,
    object_uuid   UUID,
    permission    TEXT   NOT NULL,
    given_by      BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    CHECK ((object_number IS NULL) <> (object_uuid IS NULL))
);
CREATE INDEX share_links_by_number ON share_links (object_type, object_number) WHERE object_number IS NOT NULL;
CREATE INDEX share_links_by_uuid ON share_links (object_type, object_uuid) WHERE object_uuid IS NOT NULL;
CREATE INDEX share_links_by_giver ON share_links (given_by);
CREATE INDEX share_links_by_expiry ON share_links (expires_at);
