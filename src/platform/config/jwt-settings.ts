import type { ClaimMappingFields } from '../../core/definition/claim-mapping-fields.js';
import { httpUrl } from '../../core/definition/field-checks.js';
import type { GeneralSettingsDefinition } from '../../core/definition/general-settings.definition.js';
import { TOKEN_ALGORITHMS, type JwtIssuerDefinition } from '../../core/definition/jwt-issuer.definition.js';
import type { LitellmJwtAuthDefinition } from '../../core/definition/litellm-jwtauth.definition.js';
import type { ClaimedRole, JwtIssuer } from './settings.js';
import type { SettingsReader } from './settings-reader.js';

/** Of keys that no setting says it of. */
export const KEY_TTL_SECONDS = 600;
const ADMIN_SCOPE = 'litellm_proxy_admin';

/** The identity providers whose tokens are accepted: our list, then the incumbent's one. */
export function jwtIssuers(general: GeneralSettingsDefinition, reader: SettingsReader): readonly JwtIssuer[] {
  const hasEndpoints = general.jwt_auth?.some((written) => written.resource_server === true) === true;
  if (hasEndpoints && reader.text('PROXY_BASE_URL') === undefined) {
    reader.fail('PROXY_BASE_URL', 'is required by resource_server under general_settings.jwt_auth: tokens name it');
  }
  const ours = (general.jwt_auth ?? []).map(toIssuer);
  return general.enable_jwt_auth === true ? [...ours, ...litellmIssuers(general.litellm_jwtauth ?? {}, reader)] : ours;
}

function toIssuer(written: JwtIssuerDefinition): JwtIssuer {
  return {
    ...claimMapping(written),
    endpoints: written.resource_server === true ? { scopes: written.scopes ?? [] } : undefined,
    issuer: written.issuer,
    audiences: typeof written.audience === 'string' ? [written.audience] : (written.audience ?? []),
    jwksUri: written.jwks_uri,
    algorithms: written.algorithms ?? TOKEN_ALGORITHMS,
    keysTtlMs: (written.public_key_ttl ?? KEY_TTL_SECONDS) * 1_000,
  };
}

/** How the claims of an issuer are read: the part of its settings that is not about keys. */
export function claimMapping(
  written: ClaimMappingFields,
): Omit<JwtIssuer, 'issuer' | 'audiences' | 'jwksUri' | 'algorithms' | 'keysTtlMs'> {
  return {
    userIdClaim: written.user_id_claim ?? 'sub',
    userEmailClaim: written.user_email_claim,
    teamIdClaims: written.team_id_claim === undefined ? [] : [written.team_id_claim],
    organizationIdClaim: written.org_id_claim,
    rolesClaims: written.roles_claim === undefined ? [] : [written.roles_claim],
    roleMap: new Map(Object.entries(written.role_map ?? {}) as [string, ClaimedRole][]),
    makesUsers: written.user_id_upsert === true,
  };
}

/** One issuer for each address of keys; the audience is not optional here. */
function litellmIssuers(written: Partial<LitellmJwtAuthDefinition>, reader: SettingsReader): readonly JwtIssuer[] {
  const addresses = list(reader.text('JWT_PUBLIC_KEY_URL'));
  const audiences = list(reader.text('JWT_AUDIENCE'));
  const issuer = reader.text('JWT_ISSUER');
  if (addresses.length === 0) reader.fail('JWT_PUBLIC_KEY_URL', 'is required by general_settings.enable_jwt_auth');
  for (const address of addresses) {
    for (const { message } of httpUrl(address)) reader.fail('JWT_PUBLIC_KEY_URL', message);
  }
  if (audiences.length === 0) {
    reader.fail(
      'JWT_AUDIENCE',
      'is required by general_settings.enable_jwt_auth: tokens for others must not count here',
    );
  }
  const roles = (written.jwt_litellm_role_map ?? []).map(({ jwt_role, litellm_role }) => [jwt_role, litellm_role]);
  return addresses.map((jwksUri) => ({
    issuer,
    audiences,
    jwksUri,
    algorithms: TOKEN_ALGORITHMS,
    userIdClaim: written.user_id_jwt_field ?? 'sub',
    userEmailClaim: written.user_email_jwt_field,
    teamIdClaims: [written.team_id_jwt_field, written.team_ids_jwt_field].filter((claim) => claim !== undefined),
    organizationIdClaim: written.org_id_jwt_field,
    rolesClaims: ['scope', written.user_roles_jwt_field].filter((claim) => claim !== undefined),
    roleMap: new Map([[written.admin_jwt_scope ?? ADMIN_SCOPE, 'proxy_admin'], ...roles] as [string, ClaimedRole][]),
    makesUsers: written.user_id_upsert === true,
    keysTtlMs: (written.public_key_ttl ?? KEY_TTL_SECONDS) * 1_000,
  }));
}

function list(value: string | undefined): readonly string[] {
  return (value ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
