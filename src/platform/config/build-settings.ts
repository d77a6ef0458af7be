import { resolve } from 'node:path';
import { httpUrl, headerName } from '../../core/definition/field-checks.js';
import type { GeneralSettingsDefinition } from '../../core/definition/general-settings.definition.js';
import { toLimits } from '../../core/definition/limits.definition.js';
import type { Limits } from '../../core/model/limits.js';
import { Secret } from '../../core/model/secret.js';
import { awsSettings } from './aws-settings.js';
import type { CliFlags } from './cli-arguments.js';
import { identitySettings } from './identity-settings.js';
import { jwtIssuers } from './jwt-settings.js';
import { isLoopbackHost } from './loopback.js';
import { oauthSettings } from './oauth-settings.js';
import type { RegistrySettings, Settings } from './settings.js';
import type { SettingsReader } from './settings-reader.js';

export interface SettingsInput {
  readonly flags: CliFlags;
  readonly reader: SettingsReader;
  /** Validated; its own errors are reported elsewhere. */
  readonly general: GeneralSettingsDefinition;
  readonly config: Settings['config'];
  readonly workingDirectory: string;
  readonly isTerminal: boolean;
}

/** Below this a master key can be guessed by trying (contract §1). */
const MASTER_KEY_LENGTH_MIN = 16;

/** RFC 1918 with loopback, and their IPv6 kin (reference §1.5). */
const INTERNAL_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '::1/128', 'fc00::/7'];

/** Executables whose servers the incumbent accepts over REST (reference §9.10). */
const ALLOWED_COMMANDS = ['npx', 'uvx', 'python', 'python3', 'node', 'docker', 'deno'];

/**
 * Puts flags, environment, file and defaults together, in this order of precedence. Problems go to the reader; the
 * settings are to be used only when there is no error among them. Frozen throughout.
 */
export function buildSettings(input: SettingsInput): Settings {
  const { flags, reader, general, workingDirectory } = input;
  const host = flags.host ?? reader.text('HOST') ?? '127.0.0.1';
  const masterKeyVariable = reader.text('LITELLM_MASTER_KEY');
  const masterKey = chooseSecret(masterKeyVariable, general.master_key);
  const masterKeyField = masterKeyVariable === undefined ? 'general_settings.master_key' : 'LITELLM_MASTER_KEY';
  checkMasterKey(masterKey, masterKeyField, host, reader);
  const identity = identitySettings(general, reader);
  const jwt = { issuers: jwtIssuers(general, reader) };
  return deepFreeze({
    listen: {
      host,
      port: reader.integer('PORT', [0, 65_535], { name: '--port', value: flags.port }) ?? 4000,
      workers: reader.integer('GATEHOUSE_WORKERS', [1, 256], { name: '--workers', value: flags.workers }) ?? 1,
      replicaUrl: replicaUrl(general, reader),
    },
    config: { ...input.config },
    database: {
      url: databaseUrl(chooseSecret(reader.text('DATABASE_URL'), general.database_url), reader),
      dataDir: resolve(workingDirectory, reader.text('GATEHOUSE_DATA_DIR') ?? 'data'),
      embeddedPort: reader.integer('GATEHOUSE_POSTGRES_PORT', [0, 65_535]) ?? 0,
    },
    security: {
      masterKey,
      saltKey: chooseSecret(reader.text('LITELLM_SALT_KEY'), undefined),
      otherSaltKeys: [reader.text('LITELLM_SALT_KEY_PREVIOUS'), reader.text('LITELLM_SALT_KEY_NEXT')].flatMap((salt) =>
        salt === undefined ? [] : [new Secret(salt)],
      ),
    },
    door: {
      baseUrl: baseUrl(reader),
      rootPath: rootPath(reader),
      // Hosts are compared without their port.
      allowedHosts: (general.allowed_hosts ?? []).map((host) => host.replace(/:\d+$/, '')),
      allowedOrigins: (general.allowed_origins ?? []).map((origin) => origin.replace(/\/+$/, '')),
      publicDocs: general.public_docs ?? false,
      clientSideAuthHeader: (
        reader.checked('LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME', headerName) ??
        general.mcp_client_side_auth_header_name ??
        'x-mcp-auth'
      ).toLowerCase(),
      useForwardedFor: general.use_x_forwarded_for ?? false,
      trustedProxyRanges: general.mcp_trusted_proxy_ranges ?? [],
      internalRanges: general.mcp_internal_ip_ranges ?? INTERNAL_RANGES,
    },
    limits: limits(general, reader),
    stdio: {
      enabled: general.stdio?.enabled ?? false,
      allowedCommands: [
        ...new Set([...(general.stdio?.allowed_commands ?? ALLOWED_COMMANDS), ...extraCommands(reader)]),
      ],
      maxChildren: general.stdio?.max_children ?? 64,
      idleMs: Math.round((general.stdio?.idle_seconds ?? 900) * 1_000),
    },
    log: {
      level: reader.choice('LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) ?? 'info',
      format: reader.choice('LOG_FORMAT', ['json', 'pretty']) ?? (input.isTerminal ? 'pretty' : 'json'),
    },
    jwt,
    oauth: oauthSettings(general, jwt.issuers, reader),
    usage: { retentionDays: general.ledger_retention_days ?? 30 },
    registry: { ...registrySettings(general, reader), identityHeader: identity.defaults },
    identity,
    aws: awsSettings(reader, workingDirectory),
  });
}

/** Either of the flag and the variable turns storage on (reference §1.5). */
function registrySettings(general: GeneralSettingsDefinition, reader: SettingsReader): RegistrySettings {
  const stored = reader.choice('STORE_MODEL_IN_DB', ['true', 'false']) === 'true' || general.store_model_in_db === true;
  const objects = general.supported_db_objects;
  return {
    storageOff: !stored
      ? 'set general_settings.store_model_in_db to true (or STORE_MODEL_IN_DB=true)'
      : objects !== undefined && !objects.includes('mcp')
        ? 'add "mcp" to general_settings.supported_db_objects'
        : undefined,
    viewAll: general.user_mcp_management_mode === 'view_all',
    publishRegistry: general.enable_mcp_registry ?? false,
    submissionFields: general.mcp_required_fields ?? [],
    accessRules: {
      requireKeyAccess: general.require_key_mcp_access_defined ?? false,
      requireEndUserAccess: general.require_end_user_mcp_access_defined ?? false,
    },
    healthCheckMs: Math.round((general.health_check_interval ?? 300) * 1_000),
  };
}

function chooseSecret(variable: string | undefined, written: Secret | undefined): Secret | undefined {
  return variable === undefined ? (written ?? undefined) : new Secret(variable);
}

function checkMasterKey(masterKey: Secret | undefined, field: string, host: string, reader: SettingsReader): void {
  const isLoopback = isLoopbackHost(host);
  if (masterKey === undefined) {
    if (!isLoopback) {
      const message = `without a master key the gateway listens on loopback only: set it to ${MASTER_KEY_LENGTH_MIN} random characters or more, or use --host 127.0.0.1`;
      reader.fail('LITELLM_MASTER_KEY', message);
    }
    return;
  }
  const key = masterKey.reveal();
  if (!/^[\x21-\x7e]+$/.test(key)) {
    reader.fail(field, 'must be of visible ASCII characters without spaces, as it travels in a header');
  } else if (key.length < MASTER_KEY_LENGTH_MIN) {
    const weakness = `has fewer than ${MASTER_KEY_LENGTH_MIN} characters and could be guessed`;
    if (isLoopback) reader.warn(field, `${weakness}; accepted because the gateway listens on loopback only`);
    else reader.fail(field, `${weakness}: make it longer, or listen on loopback (--host 127.0.0.1)`);
  }
}

function databaseUrl(url: Secret | undefined, reader: SettingsReader): Secret | undefined {
  const protocol = url === undefined ? undefined : URL.parse(url.reveal())?.protocol;
  if (url !== undefined && protocol !== 'postgres:' && protocol !== 'postgresql:') {
    reader.fail('DATABASE_URL', 'must be a postgresql:// URL');
  }
  return url;
}

function baseUrl(reader: SettingsReader): string | undefined {
  const written = reader.checked('PROXY_BASE_URL', httpUrl);
  const url = written === undefined ? null : URL.parse(written);
  if (url === null) return undefined;
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    reader.fail('PROXY_BASE_URL', 'must be scheme, host and path only');
  }
  return url.href.replace(/\/+$/, '');
}

function replicaUrl(general: GeneralSettingsDefinition, reader: SettingsReader): string | undefined {
  const variable = 'GATEHOUSE_REPLICA_URL';
  const url = URL.parse(reader.checked(variable, httpUrl) ?? general.replica_url ?? '');
  if (url === null) return undefined;
  if (url.href !== `${url.origin}/`) {
    const field = reader.text(variable) === undefined ? 'general_settings.replica_url' : variable;
    reader.fail(field, 'must be scheme, host and port only, such as http://10.0.0.7:4000');
  }
  return url.origin;
}

function rootPath(reader: SettingsReader): string {
  const path = (reader.text('SERVER_ROOT_PATH') ?? '').replace(/^\/+|\/+$/g, '');
  if (path === '') return '';
  if (/^[A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*$/.test(path) && !/(^|\/)\.\.?(\/|$)/.test(path)) return `/${path}`;
  reader.fail('SERVER_ROOT_PATH', 'must be a path such as /gateway');
  return '';
}

/** The incumbent's variables for two of the limits win over the file (contract §1, reference §1.7). */
function limits(general: GeneralSettingsDefinition, reader: SettingsReader): Limits {
  const fromFile = toLimits(general.limits);
  const callIdle = reader.integer('LITELLM_MCP_CLIENT_TIMEOUT', [1, 86_400]);
  const list = reader.integer('LITELLM_MCP_TOOL_LISTING_TIMEOUT', [1, 600]);
  return {
    ...fromFile,
    ...(callIdle === undefined ? {} : { callIdleTimeoutMs: callIdle * 1_000 }),
    ...(list === undefined ? {} : { listTimeoutMs: list * 1_000 }),
  };
}

function extraCommands(reader: SettingsReader): readonly string[] {
  const names = (reader.text('LITELLM_MCP_STDIO_EXTRA_COMMANDS') ?? '').split(',').map((name) => name.trim());
  return names.filter((name) => name !== '');
}

/** Plain objects and arrays only; a `Secret` guards itself. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
