-- CreateTable
CREATE TABLE "upstream_oauth_client" (
    "id" UUID NOT NULL,
    "server_id" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "redirect_uri" TEXT NOT NULL,
    "sealed" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "upstream_oauth_client_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "upstream_oauth_client_server_id_issuer_redirect_uri_key" ON "upstream_oauth_client"("server_id", "issuer", "redirect_uri");
