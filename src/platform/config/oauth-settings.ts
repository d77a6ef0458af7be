import { ClaimMappingFields } from '../../core/definition/claim-mapping-fields.js';
import type { GeneralSettingsDefinition } from '../../core/definition/general-settings.definition.js';
import { TOKEN_ALGORITHMS } from '../../core/definition/jwt-issuer.definition.js';
import type { OAuthSettingsDefinition, OidcLoginDefinition } from '../../core/definition/oauth-settings.definition.js';
import { fieldNames } from '../../core/definition/validate-definition.js';
import { claimMapping, KEY_TTL_SECONDS } from './jwt-settings.js';
import type { JwtIssuer, OAuthSettings, OidcLoginSettings } from './settings.js';
import type { SettingsReader } from './settings-reader.js';

const ACCESS_TOKEN_SECONDS = 3_600;
const GRANT_SECONDS = 30 * 86_400;
const REFRESH_GRACE_SECONDS = 10;
const LOGIN_SCOPES = ['openid', 'profile', 'email'];

/** Settings of the gateway's own authorization server. `issuers` are those of `jwt_auth`. */
export function oauthSettings(
  general: GeneralSettingsDefinition,
  issuers: readonly JwtIssuer[],
  reader: SettingsReader,
): OAuthSettings {
  const written: OAuthSettingsDefinition = general.oauth ?? {};
  const origins = [...(written.redirect_origins ?? []), ...list(reader.text('MCP_TRUSTED_REDIRECT_ORIGINS'))];
  return {
    accessTokenMs: (written.access_token_seconds ?? ACCESS_TOKEN_SECONDS) * 1_000,
    grantMs: (written.grant_seconds ?? GRANT_SECONDS) * 1_000,
    refreshGraceMs: (written.refresh_grace_seconds ?? REFRESH_GRACE_SECONDS) * 1_000,
    redirectOrigins: origins.length === 0 ? undefined : origins.map((origin) => origin.replace(/(?<!\/)\/$/, '')),
    clientMetadataHosts: (written.client_metadata_hosts ?? []).map((host) => host.toLowerCase()),
    clients: (written.clients ?? []).map(({ client_id: id = '', client_secret: secret, ...client }) => ({
      id,
      secret: secret ?? undefined,
      name: client.client_name ?? id,
      redirectUris: client.redirect_uris ?? [],
    })),
    loginByKey: written.login?.key ?? true,
    oidcLogin: written.login?.oidc === undefined ? undefined : oidcLogin(written.login.oidc, issuers),
    enterprise: enterpriseIssuer(written.enterprise),
  };
}

/** Where the login says nothing of claims, what `jwt_auth` says of the same issuer holds: one person, one principal. */
function oidcLogin(written: OidcLoginDefinition, issuers: readonly JwtIssuer[]): OidcLoginSettings {
  const issuer = written.issuer ?? '';
  const known = issuers.find((candidate) => candidate.issuer === issuer);
  const saysNothing = fieldNames(ClaimMappingFields).every(
    (field) => written[field as keyof ClaimMappingFields] === undefined,
  );
  const mapping = saysNothing && known !== undefined ? known : claimMapping(written);
  return {
    clientId: written.client_id ?? '',
    clientSecret: written.client_secret,
    scopes: [...new Set(['openid', ...(written.scopes ?? LOGIN_SCOPES)])],
    claims: { ...withoutKeys, ...mapping, issuer, audiences: [] },
  };
}

const withoutKeys = { jwksUri: undefined, algorithms: TOKEN_ALGORITHMS, keysTtlMs: KEY_TTL_SECONDS * 1_000 };

function enterpriseIssuer(written: OAuthSettingsDefinition['enterprise']): JwtIssuer | undefined {
  if (written === undefined) return undefined;
  return {
    ...claimMapping(written),
    issuer: written.issuer,
    audiences: [],
    jwksUri: written.jwks_uri,
    algorithms: written.algorithms ?? TOKEN_ALGORITHMS,
    keysTtlMs: KEY_TTL_SECONDS * 1_000,
  };
}

function list(value: string | undefined): readonly string[] {
  return (value ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
