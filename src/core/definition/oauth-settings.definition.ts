import type { Secret } from '../model/secret.js';
import { ClaimMappingFields } from './claim-mapping-fields.js';
import {
  flag,
  hostName,
  httpUrl,
  integerBetween,
  isRecord,
  listOf,
  oneOf,
  record,
  secretText,
  text,
  type FieldCheck,
} from './field-checks.js';
import { Field, Nested, toFlag, toNumber, toSecret } from './field-decorators.js';
import { TOKEN_ALGORITHMS } from './jwt-issuer.definition.js';
import { validateDefinition } from './validate-definition.js';

/** An origin that browsers may be sent to: of the web, or of an app (`cursor://host`). */
const redirectOrigin: FieldCheck = (value) =>
  typeof value === 'string' && /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9._:[\]-]*\/?$/.test(value)
    ? []
    : [{ at: [], message: 'must be an origin such as https://app.example.com or cursor://host, in lower case' }];

/** One entry of `general_settings.oauth.clients`: a client that need not register itself. */
export class OAuthClientDefinition {
  /** Required. */
  @Field(text)
  client_id?: string;

  /** Absent: a public client. */
  @Field(secretText, toSecret)
  client_secret?: Secret;

  /** What people read on the consent page. Default: the id. */
  @Field(text)
  client_name?: string;

  /** Where browsers may be sent with a code. Required. */
  @Field(listOf(text))
  redirect_uris?: string[];
}

/** The fields of an entry turned into what is kept; anything else is given back as it is. */
function toClients(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((entry: unknown) =>
    isRecord(entry) && entry['client_secret'] !== undefined
      ? { ...entry, client_secret: toSecret(entry['client_secret']) }
      : entry,
  );
}

const oauthClient: FieldCheck = (value) => {
  if (!isRecord(value)) return record(value);
  const { client_secret: secret, ...rest } = value;
  const { problems } = validateDefinition(OAuthClientDefinition, rest);
  const issues = problems.map(({ path, message }) => ({ at: path, message }));
  const missing = (['client_id', 'redirect_uris'] as const).filter((field) => {
    const given = value[field];
    return given === undefined || given === null || given === '' || (Array.isArray(given) && given.length === 0);
  });
  return [
    ...issues,
    ...missing.map((field) => ({ at: [field], message: 'is required' })),
    ...(secret === undefined || secret === null
      ? []
      : secretText(secret).map(({ message }) => ({ at: ['client_secret'], message }))),
  ];
};

/** `general_settings.oauth.login.oidc`: the company's provider, where people sign in. Claims as for `jwt_auth`. */
export class OidcLoginDefinition extends ClaimMappingFields {
  /** Its `issuer`, exactly; its metadata is found below it. Required. */
  @Field(httpUrl)
  issuer?: string;

  /** Required. */
  @Field(text)
  client_id?: string;

  /** Absent: a public client. */
  @Field(secretText, toSecret)
  client_secret?: Secret;

  /** Default `openid profile email`. */
  @Field(listOf(text))
  scopes?: string[];
}

/** `general_settings.oauth.login`: how people sign in at the gateway's own pages. */
export class OAuthLoginDefinition {
  /** With a gateway key. Default true. */
  @Field(flag, toFlag)
  key?: boolean;

  @Nested(OidcLoginDefinition)
  oidc?: OidcLoginDefinition;
}

/** `general_settings.oauth.enterprise`: whose identity assertions (ID-JAG) are taken for tokens. */
export class EnterpriseIssuerDefinition extends ClaimMappingFields {
  /** The `iss` of its assertions, exactly. Required. */
  @Field(text)
  issuer?: string;

  /** Default: what its OpenID configuration says. */
  @Field(httpUrl)
  jwks_uri?: string;

  /** Default: those with public keys. */
  @Field(listOf(oneOf(TOKEN_ALGORITHMS)))
  algorithms?: string[];
}

/** `general_settings.oauth`: the gateway's own authorization server. */
export class OAuthSettingsDefinition {
  /** Seconds that an access token is good. Default 3600. */
  @Field(integerBetween(1, 86_400), toNumber)
  access_token_seconds?: number;

  /** Seconds after which a person is asked again, however often a client refreshed. Default 30 days. */
  @Field(integerBetween(1, 366 * 86_400), toNumber)
  grant_seconds?: number;

  /** Seconds in which a refresh token that was used may come again without ending its grant. Default 10. */
  @Field(integerBetween(0, 300), toNumber)
  refresh_grace_seconds?: number;

  /** Where browsers may be sent with a code, besides loopback. Default: any https address and any app. */
  @Field(listOf(redirectOrigin))
  redirect_origins?: string[];

  /** Hosts whose client metadata documents may be on private addresses. Default none. */
  @Field(listOf(hostName))
  client_metadata_hosts?: string[];

  /** Clients that are known beforehand. */
  @Field(listOf(oauthClient), toClients)
  clients?: OAuthClientDefinition[];

  @Nested(OAuthLoginDefinition)
  login?: OAuthLoginDefinition;

  @Nested(EnterpriseIssuerDefinition)
  enterprise?: EnterpriseIssuerDefinition;
}
