-- CreateTable
CREATE TABLE "replica" (
    "id" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "replica_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "state_home" (
    "key" TEXT NOT NULL,
    "place" TEXT NOT NULL,
    "is_bound" BOOLEAN NOT NULL DEFAULT false,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "state_home_pkey" PRIMARY KEY ("key")
);

-- CreateIndex: the sweep of expired rows
CREATE INDEX "state_home_expires_at_idx" ON "state_home"("expires_at");
