import { type FieldProblem, problemAt } from './field-problem.js';
import type { GeneralSettingsDefinition } from './general-settings.definition.js';
import type { LitellmSettingsDefinition } from './litellm-settings.definition.js';

const IN_THIS_VERSION = 'has no effect in this version of Gatehouse';
const ON_PURPOSE = 'has no effect in Gatehouse, on purpose';

/**
 * Settings that are understood and change nothing, with the reason. Whoever sets one to what it would be without being
 * set is not told; nor is anybody for what only belongs to another setting that is told of.
 */
const GENERAL_SETTINGS: Partial<Record<keyof GeneralSettingsDefinition, string>> = {
  use_x_forwarded_for: `${IN_THIS_VERSION}: nothing is decided by the address of a caller`,
  mcp_internal_ip_ranges: `${IN_THIS_VERSION}: nothing is decided by the address of a caller`,
  mcp_allowed_clients: `${IN_THIS_VERSION}: every client with a valid key is served`,
  mcp_advertised_versions: `${IN_THIS_VERSION}: every revision of the protocol that is known is offered`,
  mcp_tool_search_enabled: `${IN_THIS_VERSION}: there are no tools to search tools`,
  allow_requests_on_db_unavailable: `${ON_PURPOSE}: nobody is let in because a check could not be made`,
  enforce_user_param: 'has no effect in Gatehouse: it is not about MCP',
};

const LITELLM_SETTINGS: Partial<Record<keyof LitellmSettingsDefinition, string>> = {
  mcp_semantic_tool_filter: `${IN_THIS_VERSION}: tools are not chosen by meaning`,
  mcp_tool_search: `${IN_THIS_VERSION}: there are no tools to search tools`,
  store_audit_logs: `${IN_THIS_VERSION}: every call is in the ledger, whatever this says`,
  callbacks: 'has no effect in Gatehouse: callbacks are Python code and are not run',
};

/** Of the incumbent, or of later versions; not of whoever runs something else beside the gateway. */
export const VARIABLES_WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  REDIS_URL: `${IN_THIS_VERSION}: nothing is kept in Redis`,
  SSL_VERIFY: `${ON_PURPOSE}: certificates of servers are always checked; name further authorities in NODE_EXTRA_CA_CERTS`,
  LITELLM_MCP_METADATA_TIMEOUT: `${IN_THIS_VERSION}: no OAuth metadata is fetched`,
  LITELLM_USE_SHORT_MCP_TOOL_PREFIX: `${IN_THIS_VERSION}: give the server an alias`,
  LITELLM_MCP_MAX_STATEFUL_SESSIONS_PER_OWNER:
    'has no effect in Gatehouse: set general_settings.limits.sessions_per_key',
  LITELLM_STORE_AUDIT_LOGS: `${IN_THIS_VERSION}: every call is in the ledger, whatever this says`,
  DISABLE_LLM_API_ENDPOINTS: 'has no effect in Gatehouse: there are no such endpoints',
};

/** Warns of each setting of `general_settings` that changes nothing; paths are relative to it. */
export function generalSettingsWithoutEffect(settings: GeneralSettingsDefinition): readonly FieldProblem[] {
  return withoutEffect(settings, GENERAL_SETTINGS);
}

/** Warns of each setting of `litellm_settings` that changes nothing; paths are relative to it. */
export function litellmSettingsWithoutEffect(settings: LitellmSettingsDefinition): readonly FieldProblem[] {
  return withoutEffect(settings, LITELLM_SETTINGS);
}

function withoutEffect<T extends object>(
  settings: T,
  reasons: Partial<Record<keyof T & string, string>>,
): readonly FieldProblem[] {
  return Object.entries<string | undefined>(reasons).flatMap(([field, reason]) =>
    reason !== undefined && asksForSomething(settings[field as keyof T]) ? [problemAt([field], reason, 'warning')] : [],
  );
}

/** Off, empty and the incumbent's defaults ask for nothing. */
function asksForSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '' || value === 'restricted') return false;
  if (typeof value !== 'object') return true;
  if ('enabled' in value) return value.enabled === true;
  return Object.values(value).some((member) => member !== undefined && member !== null);
}
