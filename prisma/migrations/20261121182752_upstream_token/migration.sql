-- CreateTable
CREATE TABLE "upstream_token" (
    "fingerprint" TEXT NOT NULL,
    "server_id" TEXT NOT NULL,
    "sealed" TEXT,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "lease_owner" TEXT,
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "upstream_token_pkey" PRIMARY KEY ("fingerprint")
);

-- Deleting the tokens of a server's former definitions
CREATE INDEX "upstream_token_server_id_idx" ON "upstream_token"("server_id");

-- The sweep deletes what has expired
CREATE INDEX "upstream_token_expires_at_idx" ON "upstream_token"("expires_at");
