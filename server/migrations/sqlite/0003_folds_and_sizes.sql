-- Names are folded in another way, which only the program knows: it fills these in again, a batch at a time, and finds
-- those that are left by the index.
UPDATE accounts SET folded_name = NULL;
CREATE INDEX accounts_unfolded ON accounts (id) WHERE folded_name IS NULL;

-- The size of a picture's file. NULL for those of before, until the next sweep notes it.
ALTER TABLE profile_images ADD COLUMN bytes INTEGER;
INSERT INTO locks (name, taken_at) VALUES ('pictures', 0);
