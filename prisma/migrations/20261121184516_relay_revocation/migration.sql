-- CreateTable
CREATE TABLE "relay_revocation" (
    "grant_id" UUID NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "relay_revocation_pkey" PRIMARY KEY ("grant_id")
);

-- CreateIndex
CREATE INDEX "relay_revocation_expires_at_idx" ON "relay_revocation"("expires_at");
