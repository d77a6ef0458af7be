import type { Secret } from '../model/secret.js';
import {
  credentialHeaderName,
  flag,
  httpUrl,
  integerBetween,
  listOf,
  oneOf,
  recordOrList,
  secretDocument,
  secretText,
  text,
} from './field-checks.js';
import { Field, toFlag, toNumber, toSecret } from './field-decorators.js';
import { ServerAwsFields } from './server-aws-fields.js';

/** JWS algorithms of client assertions: those with a key pair (RFC 7523, RFC 7518). */
const SIGNING_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

/** How tokens for the upstream are got: OAuth, on-behalf-of, passthrough (reference §1.2, §5). */
export abstract class ServerOAuthFields extends ServerAwsFields {
  @Field(text)
  client_id?: string;

  @Field(secretText, toSecret)
  client_secret?: Secret;

  @Field(listOf(text))
  scopes?: string[];

  @Field(httpUrl)
  authorization_url?: string;

  @Field(httpUrl)
  token_url?: string;

  @Field(httpUrl)
  registration_url?: string;

  @Field(oneOf(['client_credentials', 'authorization_code']))
  oauth2_flow?: 'client_credentials' | 'authorization_code';

  /** What an MCP client is given: a sealed envelope that works only through this gateway, or the upstream's own token. */
  @Field(oneOf(['sealed', 'passthrough']))
  oauth_token_mode?: 'sealed' | 'passthrough';

  /** Absent: by secret in the body, by a signed assertion when there is only a private key, else by id alone. */
  @Field(oneOf(['client_secret_post', 'client_secret_basic', 'private_key_jwt', 'none']))
  token_endpoint_auth_method?: 'client_secret_post' | 'client_secret_basic' | 'private_key_jwt' | 'none';

  /** Addresses this gateway registers with when it registers itself at an authorization server. */
  @Field(listOf(httpUrl))
  redirect_uris?: string[];

  /** Seconds a user's stored token is kept. */
  @Field(integerBetween(1, 10 * 365 * 86_400), toNumber)
  token_storage_ttl_seconds?: number;

  /** Rules over the claims of a returned token. */
  @Field(recordOrList)
  token_validation?: unknown;

  /** RFC 8707 resource indicator; `auto` (default) is the server's own URL, `none` sends none. */
  @Field(text)
  upstream_resource?: string;

  /** Header that carries the credential instead of `Authorization`. */
  @Field(credentialHeaderName)
  upstream_token_header?: string;

  @Field(httpUrl)
  token_exchange_endpoint?: string;

  @Field(text)
  audience?: string;

  @Field(text)
  subject_token_type?: string;

  @Field(oneOf(['rfc8693', 'entra_obo']))
  token_exchange_profile?: 'rfc8693' | 'entra_obo';

  @Field(httpUrl)
  id_jag_resource_token_endpoint?: string;

  @Field(text)
  id_jag_resource?: string;

  /** PEM. */
  @Field(secretDocument, toSecret)
  client_private_key?: Secret;

  @Field(text)
  client_private_key_id?: string;

  /** Default RS256. */
  @Field(oneOf(SIGNING_ALGORITHMS))
  client_assertion_signing_alg?: (typeof SIGNING_ALGORITHMS)[number];

  /** The gateway fronts dynamic client registration. */
  @Field(flag, toFlag)
  dcr_bridge?: boolean;

  @Field(flag, toFlag)
  delegate_auth_to_upstream?: boolean;
}
