import { ClaimMappingFields } from './claim-mapping-fields.js';
import {
  flag,
  httpUrl,
  integerBetween,
  isRecord,
  listOf,
  oneOf,
  record,
  text,
  type FieldCheck,
} from './field-checks.js';
import { Field, toNumber } from './field-decorators.js';
import { validateDefinition } from './validate-definition.js';

/** Signature algorithms with public keys. `none` and shared secrets are not among them, whatever is written. */
export const TOKEN_ALGORITHMS = [
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
  'Ed25519',
] as const;

const textOrList: FieldCheck = (value) => (Array.isArray(value) ? listOf(text)(value) : text(value));

/**
 * One entry of `general_settings.jwt_auth`: an identity provider whose tokens are accepted. Claims may be paths
 * (`realm_access.roles`).
 */
export class JwtIssuerDefinition extends ClaimMappingFields {
  /** The `iss` of its tokens, exactly. Required. */
  @Field(text)
  issuer?: string;

  /** The `aud` one of which its tokens must have. Required, but beside `resource_server`. */
  @Field(textOrList)
  audience?: string | string[];

  /**
   * It issues tokens for single endpoints of the gateway (RFC 8707): `aud` is the endpoint's address, where alone such a
   * token is good. Clients without a key are sent to it. Needs `PROXY_BASE_URL`.
   */
  @Field(flag)
  resource_server?: boolean;

  /** What clients that are sent to it ask for. */
  @Field(listOf(text))
  scopes?: string[];

  /** Where its keys are. Default: what its `/.well-known/openid-configuration` says. */
  @Field(httpUrl)
  jwks_uri?: string;

  /** Default: those with public keys. */
  @Field(listOf(oneOf(TOKEN_ALGORITHMS)))
  algorithms?: string[];

  /** Seconds after which keys are fetched again. Default 600. */
  @Field(integerBetween(10, 86_400), toNumber)
  public_key_ttl?: number;
}

/** Judges one entry; a misspelt field is an error here, as it would decide who is let in. */
export const jwtIssuer: FieldCheck = (value) => {
  if (!isRecord(value)) return record(value);
  const { problems } = validateDefinition(JwtIssuerDefinition, value);
  const issues = problems.map(({ path, message }) => ({ at: path, message: message.replace(', ignored', '') }));
  const required = value['resource_server'] === true ? (['issuer'] as const) : (['issuer', 'audience'] as const);
  const missing = required.filter((field) => {
    const given = value[field];
    return given === undefined || given === null || given === '' || (Array.isArray(given) && given.length === 0);
  });
  return [...issues, ...missing.map((field) => ({ at: [field], message: 'is required' }))];
};
