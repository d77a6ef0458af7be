-- GET /key/list, newest first: ORDER BY created_at DESC, id DESC over keys that are not deleted, which are most. The index on
-- (deleted_at, created_at) serves the count only; Postgres does not read an order out of "deleted_at IS NULL".
CREATE INDEX "virtual_key_created_at_id_idx" ON "virtual_key"("created_at", "id");
