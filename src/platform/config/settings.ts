import type { Limits } from '../../core/model/limits.js';
import type { IdentityHeaderDefaults } from '../../core/model/identity-header.js';
import type { AccessRules } from '../../core/model/registry-snapshot.js';
import type { Secret } from '../../core/model/secret.js';
import type { AwsSettings } from './aws-settings.js';
import type { IdentitySettings } from './identity-settings.js';

/**
 * Static settings: read once at boot from flags, environment and `general_settings`, validated together, frozen, handed
 * out in slices. What may change while running (servers, aliases) is not here but in the registry.
 */
export interface Settings {
  readonly listen: ListenSettings;
  readonly config: ConfigFileSettings;
  readonly database: DatabaseSettings;
  readonly security: SecuritySettings;
  readonly door: DoorSettings;
  readonly limits: Limits;
  readonly stdio: StdioSettings;
  readonly log: LogSettings;
  readonly usage: UsageSettings;
  readonly jwt: JwtSettings;
  readonly oauth: OAuthSettings;
  readonly registry: RegistrySettings;
  readonly aws: AwsSettings;
  readonly identity: IdentitySettings;
}

export interface ListenSettings {
  /** Default 127.0.0.1. Anything but loopback needs a master key (contract §1). */
  readonly host: string;
  /** Default 4000; 0 takes a free one. */
  readonly port: number;
  /** Processes that share the port; 1 serves from the main process. */
  readonly workers: number;
  /** `GATEHOUSE_REPLICA_URL` or `general_settings.replica_url`: origin under which other replicas reach this one. */
  readonly replicaUrl: string | undefined;
}

export interface ConfigFileSettings {
  /** Absolute path of the file the servers come from. */
  readonly path: string;
  /** Nobody named a file and there is no ./config.yaml: the example that ships. */
  readonly isShippedExample: boolean;
}

export interface DatabaseSettings {
  /** `DATABASE_URL`; undefined starts the embedded Postgres under {@link dataDir}. */
  readonly url: Secret | undefined;
  /** Absolute; `GATEHOUSE_DATA_DIR`, default `./data`. */
  readonly dataDir: string;
  /** Port of the embedded Postgres on loopback; 0 takes a free one. `GATEHOUSE_POSTGRES_PORT`, default 0. */
  readonly embeddedPort: number;
}

export interface SecuritySettings {
  /** `LITELLM_MASTER_KEY` or `general_settings.master_key`; undefined: one is made on first run. */
  readonly masterKey: Secret | undefined;
  /** `LITELLM_SALT_KEY`; undefined: sealing keys come from a random secret kept in the database. */
  readonly saltKey: Secret | undefined;
  /** `LITELLM_SALT_KEY_PREVIOUS` and `LITELLM_SALT_KEY_NEXT`: open what was sealed under them, seal nothing. */
  readonly otherSaltKeys: readonly Secret[];
}

export interface DoorSettings {
  /** `PROXY_BASE_URL` without a trailing slash: the address clients use. */
  readonly baseUrl: string | undefined;
  /** `SERVER_ROOT_PATH`, e.g. `/gateway`; empty when hosted at the root. */
  readonly rootPath: string;
  /** `general_settings.allowed_hosts`: further names accepted in Host. */
  readonly allowedHosts: readonly string[];
  /** `general_settings.allowed_origins`: origins of browser clients. */
  readonly allowedOrigins: readonly string[];
  /** `general_settings.public_docs`: `/docs` and `/openapi.json` need no credential. */
  readonly publicDocs: boolean;
  /** Name of the deprecated one-for-all upstream header, lower-cased. Default `x-mcp-auth` (reference §1.5). */
  readonly clientSideAuthHeader: string;
  /** `general_settings.use_x_forwarded_for`; believed only from {@link trustedProxyRanges}. */
  readonly useForwardedFor: boolean;
  /** CIDRs. Empty: no peer is a trusted proxy. */
  readonly trustedProxyRanges: readonly string[];
  /** CIDRs of internal callers (reference §1.5). */
  readonly internalRanges: readonly string[];
}

export interface StdioSettings {
  /** Servers that come by REST may be stdio. The file's own servers always may (contract §2). */
  readonly enabled: boolean;
  /** Exact command names accepted from REST. */
  readonly allowedCommands: readonly string[];
  /** Children alive at once. `max_children`, default 64. */
  readonly maxChildren: number;
  /** A child without a call ends after this. `idle_seconds`, default 900 s. */
  readonly idleMs: number;
}

export interface LogSettings {
  /** `LOG_LEVEL`, default info. */
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `LOG_FORMAT`: `pretty` on a terminal, else `json`. */
  readonly format: 'json' | 'pretty';
}

export interface UsageSettings {
  /** Days that ledger rows are kept. `general_settings.ledger_retention_days`, default 30; 0 keeps them. */
  readonly retentionDays: number;
}

/** What of the registry is kept in the database, and how it is shown (reference §1.5). */
export interface RegistrySettings {
  /**
   * Why servers, toolsets and submissions are neither stored nor loaded, naming the setting to change; undefined: they
   * are (`store_model_in_db` on, and `supported_db_objects` unset or with `mcp`). Writers answer 409 with it.
   */
  readonly storageOff: string | undefined;
  /** `user_mcp_management_mode: view_all`: every caller reads all servers in lists and health. Never what may be called. */
  readonly viewAll: boolean;
  /** `enable_mcp_registry`: serve the registry documents. */
  readonly publishRegistry: boolean;
  /** `mcp_required_fields`: what a submission must fill. */
  readonly submissionFields: readonly string[];
  readonly accessRules: AccessRules;
  /** For servers that say nothing of it: `general_settings.identity_header`. */
  readonly identityHeader?: IdentityHeaderDefaults;
  /** Between two looks at every server. `health_check_interval`, default 300 s; 0: only on demand. */
  readonly healthCheckMs: number;
}

/** A role that a claim of a token may give. */
export type ClaimedRole = 'proxy_admin' | 'proxy_admin_viewer' | 'internal_user' | 'internal_user_viewer';

/** An identity provider whose tokens are accepted. Claims are names or paths (`realm_access.roles`). */
export interface JwtIssuer {
  /** The `iss` of its tokens; undefined: its keys alone say that a token is its own. */
  readonly issuer: string | undefined;
  /** One of which a token must be meant for, if it is for all of the gateway. Empty only beside {@link endpoints}. */
  readonly audiences: readonly string[];
  /** It makes tokens for single endpoints of the gateway too; `scopes` is what to ask it for. */
  readonly endpoints?: { readonly scopes: readonly string[] } | undefined;
  /** Undefined: found through the issuer's OpenID configuration. */
  readonly jwksUri: string | undefined;
  readonly algorithms: readonly string[];
  readonly userIdClaim: string;
  readonly userEmailClaim: string | undefined;
  /** The first that a token has. */
  readonly teamIdClaims: readonly string[];
  readonly organizationIdClaim: string | undefined;
  /** All of them together. */
  readonly rolesClaims: readonly string[];
  readonly roleMap: ReadonlyMap<string, ClaimedRole>;
  /** Users who are not known are made. */
  readonly makesUsers: boolean;
  /** Keys older than this are fetched again. */
  readonly keysTtlMs: number;
}

export interface JwtSettings {
  /** `general_settings.jwt_auth`, then the incumbent's `enable_jwt_auth`. Empty: no tokens are accepted. */
  readonly issuers: readonly JwtIssuer[];
}

/** A client of the gateway's authorization server that is known beforehand. */
export interface ConfiguredOAuthClient {
  readonly id: string;
  /** Undefined: a public client. */
  readonly secret: Secret | undefined;
  readonly name: string;
  readonly redirectUris: readonly string[];
}

/** The company's OpenID provider, where people sign in. */
export interface OidcLoginSettings {
  readonly clientId: string;
  readonly clientSecret: Secret | undefined;
  /** With `openid`. */
  readonly scopes: readonly string[];
  /** How its claims are read. `issuer` is always there; `audiences` are not looked at. */
  readonly claims: JwtIssuer & { readonly issuer: string };
}

/** `general_settings.oauth`: the gateway's own authorization server. */
export interface OAuthSettings {
  /** `access_token_seconds`, default 3600 s. */
  readonly accessTokenMs: number;
  /** `grant_seconds`, default 30 days: no refresh goes beyond it. */
  readonly grantMs: number;
  /** `refresh_grace_seconds`, default 10 s: a refresh token that was used may come again for so long. */
  readonly refreshGraceMs: number;
  /** `redirect_origins` and `MCP_TRUSTED_REDIRECT_ORIGINS`; undefined: any https address and any app. */
  readonly redirectOrigins: readonly string[] | undefined;
  /** `client_metadata_hosts`: their documents may be on private addresses. */
  readonly clientMetadataHosts: readonly string[];
  readonly clients: readonly ConfiguredOAuthClient[];
  readonly loginByKey: boolean;
  readonly oidcLogin: OidcLoginSettings | undefined;
  /** Whose identity assertions (ID-JAG) are taken for tokens. */
  readonly enterprise: JwtIssuer | undefined;
}
