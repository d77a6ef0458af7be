-- GET /key/list, newest first: ORDER BY created_at DESC, id DESC over keys that are not deleted, which are most. The index on
-- (deleted_at, created_at) serves no order, because Postgres reads none out of "deleted_at IS NULL".
CREATE INDEX "virtual_key_created_at_id_idx" ON "virtual_key"("created_at", "id");
