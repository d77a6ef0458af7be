import { inspect } from 'node:util';
import type { Secret } from '../model/secret.js';
import {
  environment,
  flag,
  headerName,
  httpUrl,
  listOf,
  numberBetween,
  oneOf,
  secretHeaders,
  secretText,
  text,
} from './field-checks.js';
import { Field, toFlag, toNumber, toSecret, toSecretEnvironment, toSecretMap } from './field-decorators.js';
import { headerVariables } from './header-variables.js';
import { serverIdentityHeader } from './identity-header.js';
import { ServerToolsFields } from './server-tools-fields.js';

export const TRANSPORTS = ['http', 'sse', 'stdio'] as const;

/** Every way to introduce the gateway upstream (contract §11 and reference §1.2). */
export const AUTH_TYPES = [
  'none',
  'api_key',
  'bearer_token',
  'basic',
  'authorization',
  'token',
  'oauth2',
  'oauth2_token_exchange',
  'oauth2_id_jag',
  'aws_sigv4',
  'true_passthrough',
  'oauth_delegate',
] as const;

/** Which way a server is spoken to: as it turns out, or in one way only. */
export const PROTOCOL_ERAS = ['auto', 'legacy', 'modern'] as const;

export type Transport = (typeof TRANSPORTS)[number];
export type ProtocolEra = (typeof PROTOCOL_ERAS)[number];
export type AuthType = (typeof AUTH_TYPES)[number];

/** One variable of a child process in its long form. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: Secret;
  /** `per_user`: every user gives a value of their own. */
  readonly scope?: 'global' | 'per_user';
}

/**
 * An MCP server as people write it, in YAML and over REST: the spelling is that of reference §1.2, with `timeout`, `cwd`,
 * `isolation`, `protocol_era` and `id` added. Fields left out are undefined. Rules across fields are in `server-rules.ts`, the grammar of
 * names in `server-name.ts`. Does not print: its URL and arguments may hold credentials too.
 */
export class ServerDefinition extends ServerToolsFields {
  /** Overrides the id derived from the name. */
  @Field(text)
  id?: string;

  /** The same as `id`, in the spelling of the REST API. */
  @Field(text)
  server_id?: string;

  /** In the list form the name; in the mapping form the key is the name. */
  @Field(text)
  server_name?: string;

  @Field(text)
  alias?: string;

  @Field(text)
  description?: string;

  /** Absent: stdio when there is a `command`, else found out by asking (contract §2). */
  @Field(oneOf(TRANSPORTS))
  transport?: Transport;

  /** Default `auto`: the server is asked in the modern way (2026-07-28) first, and the answer remembered for a while. */
  @Field(oneOf(PROTOCOL_ERAS))
  protocol_era?: ProtocolEra;

  @Field(httpUrl)
  url?: string;

  @Field(text)
  command?: string;

  @Field(listOf(text))
  args?: string[];

  /** A value that is exactly `${X-NAME}` is filled from the client's header of that name. */
  @Field(environment, toSecretEnvironment)
  env?: Record<string, Secret> | EnvironmentVariable[];

  /** Folder the child process runs in. */
  @Field(text)
  cwd?: string;

  /** `server` (default): callers share a child; `session`: every client session has its own (contract §5). */
  @Field(oneOf(['server', 'session']))
  isolation?: 'server' | 'session';

  /** Seconds a call may go without a byte or progress; default `limits.call_idle_timeout`. */
  @Field(numberBetween(0.1, 86_400, 'seconds'), toNumber)
  timeout?: number;

  @Field(oneOf(AUTH_TYPES))
  auth_type?: AuthType;

  @Field(secretText, toSecret)
  auth_value?: Secret;

  /** The same as `auth_value`; wins when both are given (reference §1.2). */
  @Field(secretText, toSecret)
  authentication_token?: Secret;

  /** Client headers copied to the upstream, sent as spelled here. */
  @Field(listOf(headerName))
  extra_headers?: string[];

  /** Headers always sent; they win over everything. */
  @Field(secretHeaders, toSecretMap)
  static_headers?: Record<string, Secret>;

  /** Headers, those with scope `per_user` with a value of each user. */
  @Field(headerVariables)
  header_variables?: unknown;

  /** Tells the server who calls, in a signed header; a mapping has `header` and `audience`. Default: as for all servers. */
  @Field(serverIdentityHeader)
  identity_header?: unknown;

  @Field(listOf(text))
  access_groups?: string[];

  /** The same as `access_groups`, in the spelling of the REST API. */
  @Field(listOf(text))
  mcp_access_groups?: string[];

  /** Every valid key may use the server. Default false. */
  @Field(flag, toFlag)
  allow_all_keys?: boolean;

  /** Callers from outside the internal address ranges may use it. Default true. */
  @Field(flag, toFlag)
  available_on_public_internet?: boolean;

  /** Every user brings a credential of their own. */
  @Field(flag, toFlag)
  is_byok?: boolean;

  @Field(listOf(text))
  byok_description?: string[];

  @Field(httpUrl)
  byok_api_key_help_url?: string;

  /** Accepted for compatibility; the revision is negotiated. */
  @Field(text)
  spec_version?: string;

  @Field(text)
  short_prefix?: string;

  @Field(text)
  source_url?: string;

  toJSON(): string {
    return '[server definition]';
  }

  [inspect.custom](): string {
    return '[server definition]';
  }
}

/** A field people may write. */
export type ServerField = Exclude<Extract<keyof ServerDefinition, string>, 'toJSON'>;
