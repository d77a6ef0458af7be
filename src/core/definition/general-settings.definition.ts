import type { Secret } from '../model/secret.js';
import {
  addressRange,
  flag,
  headerName,
  hostName,
  httpUrl,
  integerBetween,
  listOf,
  numberBetween,
  oneOf,
  record,
  secretText,
  text,
  webOrigin,
} from './field-checks.js';
import { Field, Nested, toFlag, toNumber, toSecret } from './field-decorators.js';
import { generalIdentityHeader } from './identity-header.js';
import { jwtIssuer, type JwtIssuerDefinition } from './jwt-issuer.definition.js';
import { LimitsDefinition } from './limits.definition.js';
import { LitellmJwtAuthDefinition } from './litellm-jwtauth.definition.js';
import { OAuthSettingsDefinition } from './oauth-settings.definition.js';

/** `general_settings.stdio` (contract §2): which children may run, and how many. */
export class StdioDefinition {
  /** Servers that come by REST may be stdio. Default false. */
  @Field(flag, toFlag)
  enabled?: boolean;

  /** Exact command names accepted from REST. */
  @Field(listOf(text))
  allowed_commands?: string[];

  @Field(integerBetween(0, 10_000), toNumber)
  max_children?: number;

  /** Seconds without a call after which a child ends. */
  @Field(numberBetween(1, 7 * 86_400, 'seconds'), toNumber)
  idle_seconds?: number;
}

/** `general_settings` (reference §1.5 and contract §2). */
export class GeneralSettingsDefinition {
  @Field(secretText, toSecret)
  master_key?: Secret;

  @Field(secretText, toSecret)
  database_url?: Secret;

  @Field(flag, toFlag)
  store_model_in_db?: boolean;

  @Field(listOf(text))
  supported_db_objects?: string[];

  @Field(oneOf(['restricted', 'view_all']))
  user_mcp_management_mode?: 'restricted' | 'view_all';

  @Field(flag, toFlag)
  enable_mcp_registry?: boolean;

  /** `/docs` and `/openapi.json` need no credential. Default false. */
  @Field(flag, toFlag)
  public_docs?: boolean;

  /** Name of the deprecated one-for-all upstream header. Default `x-mcp-auth`. */
  @Field(headerName)
  mcp_client_side_auth_header_name?: string;

  @Field(listOf(addressRange))
  mcp_internal_ip_ranges?: string[];

  @Field(listOf(addressRange))
  mcp_trusted_proxy_ranges?: string[];

  /** Believed only from `mcp_trusted_proxy_ranges`. Default false. */
  @Field(flag, toFlag)
  use_x_forwarded_for?: boolean;

  /** `scheme://host:port` under which the other replicas reach this one. Default: its own address. */
  @Field(httpUrl)
  replica_url?: string;

  @Field(listOf(text))
  mcp_required_fields?: string[];

  @Field(flag, toFlag)
  require_end_user_mcp_access_defined?: boolean;

  @Field(flag, toFlag)
  require_key_mcp_access_defined?: boolean;

  @Field(listOf(record))
  mcp_allowed_clients?: Record<string, unknown>[];

  @Field(headerName)
  mcp_client_id_header?: string;

  @Field(listOf(text))
  mcp_advertised_versions?: string[];

  @Field(flag, toFlag)
  mcp_tool_search_enabled?: boolean;

  @Field(flag, toFlag)
  allow_requests_on_db_unavailable?: boolean;

  @Field(flag, toFlag)
  enforce_user_param?: boolean;

  /** Identity providers whose tokens are accepted: see `JwtIssuerDefinition`. */
  @Field(listOf(jwtIssuer))
  jwt_auth?: JwtIssuerDefinition[];

  /** The incumbent's way to accept tokens: keys from `JWT_PUBLIC_KEY_URL`, audience from `JWT_AUDIENCE`. */
  @Field(flag, toFlag)
  enable_jwt_auth?: boolean;

  @Nested(LitellmJwtAuthDefinition)
  litellm_jwtauth?: LitellmJwtAuthDefinition;

  /** The gateway's own authorization server. */
  @Nested(OAuthSettingsDefinition)
  oauth?: OAuthSettingsDefinition;

  /** Servers are told who calls, in a signed header, where they do not say otherwise. Default false. */
  @Field(generalIdentityHeader)
  identity_header?: unknown;

  @Nested(LimitsDefinition)
  limits?: LimitsDefinition;

  @Nested(StdioDefinition)
  stdio?: StdioDefinition;

  /** How names look in aggregate scopes (contract §4). Default always. */
  @Field(oneOf(['always', 'auto', 'never']))
  mcp_tool_prefix?: 'always' | 'auto' | 'never';

  /** Further names accepted in the Host header. */
  @Field(listOf(hostName))
  allowed_hosts?: string[];

  /** Origins of browser clients, such as `https://app.example.com`. */
  @Field(listOf(webOrigin))
  allowed_origins?: string[];

  /** Seconds between two looks at the health of every server; 0: only on demand. Default 300. */
  @Field(numberBetween(0, 86_400, 'seconds'), toNumber)
  health_check_interval?: number;

  /** Days that ledger rows are kept; 0 keeps them. Default 30. */
  @Field(integerBetween(0, 36_500), toNumber)
  ledger_retention_days?: number;
}
