-- CreateTable
CREATE TABLE "oauth_flow" (
    "handle_hash" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "browser_hash" TEXT NOT NULL DEFAULT '',
    "payload" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "consumed_at" TIMESTAMPTZ(3),

    CONSTRAINT "oauth_flow_pkey" PRIMARY KEY ("handle_hash")
);

-- CreateTable
CREATE TABLE "oauth_grant" (
    "id" UUID NOT NULL,
    "holder" TEXT NOT NULL,
    "principal_id" TEXT NOT NULL,
    "key_hash" TEXT,
    "key_id" UUID,
    "user_id" TEXT,
    "team_id" TEXT,
    "organization_id" TEXT,
    "claims" JSONB,
    "client_id" TEXT NOT NULL,
    "client_name" TEXT NOT NULL,
    "redirect_host" TEXT NOT NULL,
    "audience" TEXT NOT NULL,
    "scopes" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "refresh_generation" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "revoked_by" TEXT,

    CONSTRAINT "oauth_grant_pkey" PRIMARY KEY ("id")
);

-- CreateIndex: the sweep of expired rows
CREATE INDEX "oauth_flow_expires_at_idx" ON "oauth_flow"("expires_at");

-- CreateIndex: /v1/oauth/grants pages, newest first
CREATE INDEX "oauth_grant_created_at_id_idx" ON "oauth_grant"("created_at", "id");

-- CreateIndex: how many grants somebody has, and the oldest of them
CREATE INDEX "oauth_grant_principal_id_created_at_idx" ON "oauth_grant"("principal_id", "created_at");

-- CreateIndex: /v1/oauth/grants of one user
CREATE INDEX "oauth_grant_user_id_idx" ON "oauth_grant"("user_id");

-- CreateIndex: /v1/oauth/grants of one key
CREATE INDEX "oauth_grant_key_id_idx" ON "oauth_grant"("key_id");

-- CreateIndex: the sweep of expired rows
CREATE INDEX "oauth_grant_expires_at_idx" ON "oauth_grant"("expires_at");
