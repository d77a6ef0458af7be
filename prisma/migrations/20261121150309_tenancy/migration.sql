-- AlterTable
ALTER TABLE "call_ledger" ADD COLUMN     "end_user_id" TEXT,
ADD COLUMN     "key_id" TEXT,
ADD COLUMN     "organization_id" TEXT,
ADD COLUMN     "team_id" TEXT,
ADD COLUMN     "user_id" TEXT;

-- CreateTable
CREATE TABLE "control_change" (
    "revision" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_id" TEXT NOT NULL,
    "replica" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "control_change_pkey" PRIMARY KEY ("revision")
);

-- CreateTable
CREATE TABLE "audit_entry" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor_id" TEXT NOT NULL,
    "actor_user_id" TEXT,
    "actor_key_hash" TEXT,
    "actor_role" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "object_kind" TEXT NOT NULL,
    "object_id" TEXT NOT NULL,
    "before" JSONB,
    "after" JSONB,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "object_permission" (
    "id" UUID NOT NULL,
    "mcp_servers" JSONB,
    "mcp_access_groups" JSONB,
    "mcp_toolsets" JSONB,
    "mcp_tool_permissions" JSONB,
    "other" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "object_permission_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "mcp_server" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "name_key" TEXT NOT NULL,
    "alias" TEXT,
    "alias_key" TEXT,
    "definition" JSONB NOT NULL,
    "secrets" TEXT,
    "approval_status" TEXT NOT NULL DEFAULT 'active',
    "submitted_by" TEXT,
    "submitted_at" TIMESTAMPTZ(3),
    "submitted_team_id" TEXT,
    "reviewed_at" TIMESTAMPTZ(3),
    "reviewed_by" TEXT,
    "review_notes" TEXT,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT,

    CONSTRAINT "mcp_server_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "toolset" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT,

    CONSTRAINT "toolset_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "toolset_tool" (
    "toolset_id" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "server_id" TEXT NOT NULL,
    "tool_name" TEXT NOT NULL,

    CONSTRAINT "toolset_tool_pkey" PRIMARY KEY ("toolset_id","server_id","tool_name")
);

-- CreateTable
CREATE TABLE "access_group" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "other" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT,

    CONSTRAINT "access_group_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "access_group_server" (
    "group_id" TEXT NOT NULL,
    "server_id" TEXT NOT NULL,

    CONSTRAINT "access_group_server_pkey" PRIMARY KEY ("group_id","server_id")
);

-- CreateTable
CREATE TABLE "organization" (
    "id" TEXT NOT NULL,
    "alias" TEXT NOT NULL,
    "models" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "settings" JSONB NOT NULL DEFAULT '{}',
    "max_budget" DOUBLE PRECISION,
    "spend" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "object_permission_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT,

    CONSTRAINT "organization_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "organization_member" (
    "organization_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "role" TEXT NOT NULL DEFAULT 'internal_user',
    "settings" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organization_member_pkey" PRIMARY KEY ("organization_id","user_id")
);

-- CreateTable
CREATE TABLE "team" (
    "id" TEXT NOT NULL,
    "alias" TEXT,
    "organization_id" TEXT,
    "blocked" BOOLEAN NOT NULL DEFAULT false,
    "models" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "member_permissions" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "access_group_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "settings" JSONB NOT NULL DEFAULT '{}',
    "max_budget" DOUBLE PRECISION,
    "spend" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "object_permission_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT,
    "deleted_at" TIMESTAMPTZ(3),
    "deleted_by" TEXT,

    CONSTRAINT "team_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "team_member" (
    "team_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "role" TEXT NOT NULL DEFAULT 'user',
    "settings" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "team_member_pkey" PRIMARY KEY ("team_id","user_id")
);

-- CreateTable
CREATE TABLE "user_account" (
    "id" TEXT NOT NULL,
    "email" TEXT,
    "alias" TEXT,
    "role" TEXT NOT NULL DEFAULT 'internal_user',
    "sso_user_id" TEXT,
    "models" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "settings" JSONB NOT NULL DEFAULT '{}',
    "max_budget" DOUBLE PRECISION,
    "spend" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "object_permission_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT,

    CONSTRAINT "user_account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "end_user" (
    "id" TEXT NOT NULL,
    "alias" TEXT,
    "blocked" BOOLEAN NOT NULL DEFAULT false,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "max_budget" DOUBLE PRECISION,
    "spend" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "object_permission_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "end_user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "virtual_key" (
    "id" UUID NOT NULL,
    "token_hash" TEXT NOT NULL,
    "key_name" TEXT NOT NULL,
    "alias" TEXT,
    "user_id" TEXT,
    "team_id" TEXT,
    "organization_id" TEXT,
    "object_permission_id" UUID,
    "expires_at" TIMESTAMPTZ(3),
    "blocked" BOOLEAN NOT NULL DEFAULT false,
    "key_type" TEXT NOT NULL DEFAULT 'default',
    "allowed_routes" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "access_group_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "models" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "settings" JSONB NOT NULL DEFAULT '{}',
    "max_budget" DOUBLE PRECISION,
    "spend" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "rotation_count" INTEGER NOT NULL DEFAULT 0,
    "last_rotated_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_by" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT,
    "deleted_at" TIMESTAMPTZ(3),
    "deleted_by" TEXT,

    CONSTRAINT "virtual_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "retired_key" (
    "token_hash" TEXT NOT NULL,
    "key_id" UUID NOT NULL,
    "valid_to" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "retired_key_pkey" PRIMARY KEY ("token_hash")
);

-- trimming: changes older than a day
CREATE INDEX "control_change_at_idx" ON "control_change"("at");

-- GET /audit by time
CREATE INDEX "audit_entry_at_idx" ON "audit_entry"("at");

-- GET /audit of one object
CREATE INDEX "audit_entry_object_kind_object_id_id_idx" ON "audit_entry"("object_kind", "object_id", "id");

-- GET /audit of one actor
CREATE INDEX "audit_entry_actor_id_id_idx" ON "audit_entry"("actor_id", "id");

-- deleting a server: grants that name it
CREATE INDEX "object_permission_mcp_servers_idx" ON "object_permission" USING GIN ("mcp_servers");

-- a name is free (names are compared without case)
CREATE UNIQUE INDEX "mcp_server_name_key_key" ON "mcp_server"("name_key");

-- an alias is free
CREATE UNIQUE INDEX "mcp_server_alias_key_key" ON "mcp_server"("alias_key");

-- registry reload: active rows, and GET /v1/mcp/server/submissions
CREATE INDEX "mcp_server_approval_status_idx" ON "mcp_server"("approval_status");

-- a toolset by name
CREATE UNIQUE INDEX "toolset_name_key" ON "toolset"("name");

-- deleting a server: its tools in toolsets
CREATE INDEX "toolset_tool_server_id_idx" ON "toolset_tool"("server_id");

-- a group by name
CREATE UNIQUE INDEX "access_group_name_key" ON "access_group"("name");

-- deleting a server: its groups
CREATE INDEX "access_group_server_server_id_idx" ON "access_group_server"("server_id");

-- one owner a permission row
CREATE UNIQUE INDEX "organization_object_permission_id_key" ON "organization"("object_permission_id");

-- organizations of a user
CREATE INDEX "organization_member_user_id_idx" ON "organization_member"("user_id");

-- one owner a permission row
CREATE UNIQUE INDEX "team_object_permission_id_key" ON "team"("object_permission_id");

-- teams of an organization
CREATE INDEX "team_organization_id_idx" ON "team"("organization_id");

-- a team by alias
CREATE INDEX "team_alias_idx" ON "team"("alias");

-- teams of a user
CREATE INDEX "team_member_user_id_idx" ON "team_member"("user_id");

-- a user by the identity provider's id
CREATE UNIQUE INDEX "user_account_sso_user_id_key" ON "user_account"("sso_user_id");

-- one owner a permission row
CREATE UNIQUE INDEX "user_account_object_permission_id_key" ON "user_account"("object_permission_id");

-- a user by e-mail
CREATE INDEX "user_account_email_idx" ON "user_account"("email");

-- one owner a permission row
CREATE UNIQUE INDEX "end_user_object_permission_id_key" ON "end_user"("object_permission_id");

-- authentication: a key by its hash
CREATE UNIQUE INDEX "virtual_key_token_hash_key" ON "virtual_key"("token_hash");

-- one owner a permission row
CREATE UNIQUE INDEX "virtual_key_object_permission_id_key" ON "virtual_key"("object_permission_id");

-- GET /key/list, newest first
CREATE INDEX "virtual_key_deleted_at_created_at_idx" ON "virtual_key"("deleted_at", "created_at");

-- keys of a team
CREATE INDEX "virtual_key_team_id_idx" ON "virtual_key"("team_id");

-- keys of a user
CREATE INDEX "virtual_key_user_id_idx" ON "virtual_key"("user_id");

-- keys of an organization
CREATE INDEX "virtual_key_organization_id_idx" ON "virtual_key"("organization_id");

-- a key by alias, and whether an alias is free
CREATE INDEX "virtual_key_alias_idx" ON "virtual_key"("alias");

-- former secrets of a key
CREATE INDEX "retired_key_key_id_idx" ON "retired_key"("key_id");

-- trimming: grace periods that are over
CREATE INDEX "retired_key_valid_to_idx" ON "retired_key"("valid_to");

-- AddForeignKey
ALTER TABLE "toolset_tool" ADD CONSTRAINT "toolset_tool_toolset_id_fkey" FOREIGN KEY ("toolset_id") REFERENCES "toolset"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "access_group_server" ADD CONSTRAINT "access_group_server_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "access_group"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "organization" ADD CONSTRAINT "organization_object_permission_id_fkey" FOREIGN KEY ("object_permission_id") REFERENCES "object_permission"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "organization_member" ADD CONSTRAINT "organization_member_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "organization_member" ADD CONSTRAINT "organization_member_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "team" ADD CONSTRAINT "team_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "team" ADD CONSTRAINT "team_object_permission_id_fkey" FOREIGN KEY ("object_permission_id") REFERENCES "object_permission"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "team_member" ADD CONSTRAINT "team_member_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "team_member" ADD CONSTRAINT "team_member_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_account" ADD CONSTRAINT "user_account_object_permission_id_fkey" FOREIGN KEY ("object_permission_id") REFERENCES "object_permission"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "end_user" ADD CONSTRAINT "end_user_object_permission_id_fkey" FOREIGN KEY ("object_permission_id") REFERENCES "object_permission"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "virtual_key" ADD CONSTRAINT "virtual_key_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "virtual_key" ADD CONSTRAINT "virtual_key_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "virtual_key" ADD CONSTRAINT "virtual_key_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "virtual_key" ADD CONSTRAINT "virtual_key_object_permission_id_fkey" FOREIGN KEY ("object_permission_id") REFERENCES "object_permission"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "retired_key" ADD CONSTRAINT "retired_key_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "virtual_key"("id") ON DELETE CASCADE ON UPDATE CASCADE;
