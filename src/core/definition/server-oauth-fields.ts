import type { Secret } from '../model/secret.js';
import {
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

  @Field(oneOf(['client_secret_post', 'client_secret_basic']))
  token_endpoint_auth_method?: 'client_secret_post' | 'client_secret_basic';

  /** Addresses this gateway registers with when it registers itself at an authorization server. */
  @Field(listOf(httpUrl))
  redirect_uris?: string[];

  /** Seconds a user's stored token is kept. */
  @Field(integerBetween(1, 10 * 365 * 86_400), toNumber)
  token_storage_ttl_seconds?: number;

  /** Rules over the claims of a returned token. */
  @Field(recordOrList)
  token_validation?: unknown;

  /** RFC 8707 resource indicator; `auto` takes the server's own. */
  @Field(text)
  upstream_resource?: string;

  /** Header that carries the credential instead of `Authorization`. */
  @Field(text)
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

  @Field(text)
  client_assertion_signing_alg?: string;

  /** The gateway fronts dynamic client registration. */
  @Field(flag, toFlag)
  dcr_bridge?: boolean;

  @Field(flag, toFlag)
  delegate_auth_to_upstream?: boolean;
}
