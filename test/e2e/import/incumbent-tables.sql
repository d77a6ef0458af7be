-- The tables of LiteLLM that an import reads, with the columns and types its documentation gives them.
CREATE TABLE "LiteLLM_BudgetTable" (
  budget_id text PRIMARY KEY, max_budget double precision, soft_budget double precision, max_parallel_requests integer,
  tpm_limit bigint, rpm_limit bigint, model_max_budget jsonb, budget_duration text, budget_reset_at timestamp(3),
  created_at timestamp(3) NOT NULL DEFAULT now(), created_by text NOT NULL DEFAULT '',
  updated_at timestamp(3) NOT NULL DEFAULT now(), updated_by text NOT NULL DEFAULT ''
);
CREATE TABLE "LiteLLM_ObjectPermissionTable" (
  object_permission_id text PRIMARY KEY, mcp_servers text[] NOT NULL DEFAULT '{}',
  mcp_access_groups text[] NOT NULL DEFAULT '{}', mcp_tool_permissions jsonb, vector_stores text[] NOT NULL DEFAULT '{}',
  agents text[] NOT NULL DEFAULT '{}', agent_access_groups text[] NOT NULL DEFAULT '{}',
  mcp_toolsets text[] NOT NULL DEFAULT '{}'
);
CREATE TABLE "LiteLLM_MCPServerTable" (
  server_id text PRIMARY KEY, server_name text, alias text, description text, url text,
  transport text NOT NULL DEFAULT 'sse', auth_type text, credentials jsonb DEFAULT '{}',
  created_at timestamp(3) DEFAULT now(), created_by text, updated_at timestamp(3) DEFAULT now(), updated_by text,
  mcp_info jsonb DEFAULT '{}', mcp_access_groups text[], allowed_tools text[] NOT NULL DEFAULT '{}',
  extra_headers text[] NOT NULL DEFAULT '{}', static_headers jsonb DEFAULT '{}', status text DEFAULT 'unknown',
  last_health_check timestamp(3), health_check_error text, command text, args text[] NOT NULL DEFAULT '{}',
  env jsonb DEFAULT '{}', authorization_url text, token_url text, registration_url text,
  allow_all_keys boolean NOT NULL DEFAULT false, available_on_public_internet boolean NOT NULL DEFAULT true,
  approval_status text NOT NULL DEFAULT 'active', submitted_by text, submitted_at timestamp(3), review_notes text
);
CREATE TABLE "LiteLLM_MCPToolsetTable" (
  toolset_id text PRIMARY KEY, toolset_name text UNIQUE NOT NULL, description text, tools jsonb NOT NULL DEFAULT '[]',
  created_at timestamp(3) DEFAULT now(), created_by text, updated_at timestamp(3) DEFAULT now(), updated_by text
);
CREATE TABLE "LiteLLM_AccessGroupTable" (
  access_group_id text PRIMARY KEY, access_group_name text NOT NULL, description text,
  access_model_names text[] NOT NULL DEFAULT '{}', access_mcp_server_ids text[] NOT NULL DEFAULT '{}',
  access_agent_ids text[] NOT NULL DEFAULT '{}', created_at timestamp(3) DEFAULT now(), created_by text
);
CREATE TABLE "LiteLLM_OrganizationTable" (
  organization_id text PRIMARY KEY, organization_alias text NOT NULL, budget_id text NOT NULL, metadata jsonb DEFAULT '{}',
  models text[] NOT NULL DEFAULT '{}', spend double precision NOT NULL DEFAULT 0, model_spend jsonb DEFAULT '{}',
  object_permission_id text, created_at timestamp(3) DEFAULT now(), created_by text NOT NULL DEFAULT '',
  updated_at timestamp(3) DEFAULT now(), updated_by text NOT NULL DEFAULT ''
);
CREATE TABLE "LiteLLM_OrganizationMembership" (
  user_id text NOT NULL, organization_id text NOT NULL, user_role text, spend double precision DEFAULT 0, budget_id text,
  created_at timestamp(3) DEFAULT now(), updated_at timestamp(3) DEFAULT now(), PRIMARY KEY (user_id, organization_id)
);
CREATE TABLE "LiteLLM_UserTable" (
  user_id text PRIMARY KEY, user_alias text, team_id text, sso_user_id text UNIQUE, organization_id text,
  object_permission_id text, password text, teams text[] NOT NULL DEFAULT '{}', user_role text,
  max_budget double precision, spend double precision NOT NULL DEFAULT 0, user_email text,
  models text[] NOT NULL DEFAULT '{}', metadata jsonb DEFAULT '{}', max_parallel_requests integer, tpm_limit bigint,
  rpm_limit bigint, budget_duration text, budget_reset_at timestamp(3), created_at timestamp(3) DEFAULT now()
);
CREATE TABLE "LiteLLM_TeamTable" (
  team_id text PRIMARY KEY, team_alias text, organization_id text, object_permission_id text,
  admins text[] NOT NULL DEFAULT '{}', members text[] NOT NULL DEFAULT '{}', members_with_roles jsonb DEFAULT '{}',
  metadata jsonb DEFAULT '{}', max_budget double precision, soft_budget double precision,
  spend double precision NOT NULL DEFAULT 0, models text[] NOT NULL DEFAULT '{}', max_parallel_requests integer,
  tpm_limit bigint, rpm_limit bigint, budget_duration text, budget_reset_at timestamp(3),
  blocked boolean NOT NULL DEFAULT false, created_at timestamp(3) DEFAULT now(), updated_at timestamp(3) DEFAULT now(),
  model_spend jsonb DEFAULT '{}', model_max_budget jsonb DEFAULT '{}', team_member_permissions text[] DEFAULT '{}',
  access_group_ids text[] DEFAULT '{}'
);
CREATE TABLE "LiteLLM_TeamMembership" (
  user_id text NOT NULL, team_id text NOT NULL, spend double precision DEFAULT 0, budget_id text, PRIMARY KEY (user_id, team_id)
);
CREATE TABLE "LiteLLM_EndUserTable" (
  user_id text PRIMARY KEY, alias text, spend double precision NOT NULL DEFAULT 0, allowed_model_region text,
  default_model text, budget_id text, blocked boolean NOT NULL DEFAULT false, object_permission_id text
);
CREATE TABLE "LiteLLM_VerificationToken" (
  token text PRIMARY KEY, key_name text, key_alias text, soft_budget_cooldown boolean NOT NULL DEFAULT false,
  spend double precision NOT NULL DEFAULT 0, expires timestamp(3), models text[] NOT NULL DEFAULT '{}',
  aliases jsonb DEFAULT '{}', config jsonb DEFAULT '{}', user_id text, team_id text, permissions jsonb DEFAULT '{}',
  max_parallel_requests integer, metadata jsonb DEFAULT '{}', blocked boolean, tpm_limit bigint, rpm_limit bigint,
  max_budget double precision, budget_duration text, budget_reset_at timestamp(3),
  allowed_cache_controls text[] DEFAULT '{}', allowed_routes text[] DEFAULT '{}', model_spend jsonb DEFAULT '{}',
  model_max_budget jsonb DEFAULT '{}', budget_id text, organization_id text, object_permission_id text,
  created_at timestamp(3) DEFAULT now(), created_by text, updated_at timestamp(3) DEFAULT now(), updated_by text,
  rotation_count integer DEFAULT 0, auto_rotate boolean DEFAULT false, rotation_interval text,
  last_rotation_at timestamp(3), key_rotation_at timestamp(3), access_group_ids text[] DEFAULT '{}'
);
CREATE TABLE "LiteLLM_Config" (param_name text PRIMARY KEY, param_value jsonb);
