import type { JWTPayload } from 'jose';
import type { ClaimedRole, JwtIssuer } from '../../platform/config/settings.js';

/** What a verified token says, in our words. */
export interface TokenClaims {
  /** `jwt:<issuer>:<subject>`. */
  readonly principalId: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Id of the key it was signed with. */
  readonly keyId: string | undefined;
  readonly userId: string | undefined;
  readonly email: string | undefined;
  /** Undefined: no team is named. */
  readonly teamIds: readonly string[] | undefined;
  readonly organizationId: string | undefined;
  /** The highest that a claim gives; undefined: none does. */
  readonly role: ClaimedRole | undefined;
  /** The path of the one endpoint it is for; absent: it is for the whole gateway. */
  readonly audience?: string;
}

const HIGHEST_FIRST: readonly ClaimedRole[] = [
  'proxy_admin',
  'proxy_admin_viewer',
  'internal_user',
  'internal_user_viewer',
];
const ID_LENGTH_MAX = 256;
const TEAMS_MAX = 100;

/** Reads a verified payload as the issuer's configuration says. Undefined when it names nobody. */
export function readClaims(issuer: JwtIssuer, payload: JWTPayload, keyId: string | undefined): TokenClaims | undefined {
  const userId = readId(claim(payload, issuer.userIdClaim));
  const subject = readId(payload.sub) ?? userId;
  if (subject === undefined || payload.exp === undefined) return undefined;
  // Without a configured issuer its keys stand for it: a token may write anything there.
  const name = issuer.issuer ?? issuer.jwksUri ?? '';
  return {
    principalId: `jwt:${name}:${subject.replace(/[%|]/g, encodeURIComponent)}`,
    expiresAt: payload.exp * 1_000,
    keyId,
    userId,
    email: issuer.userEmailClaim === undefined ? undefined : readId(claim(payload, issuer.userEmailClaim)),
    teamIds: firstOf(issuer.teamIdClaims.map((name) => readIds(claim(payload, name)))),
    organizationId:
      issuer.organizationIdClaim === undefined ? undefined : readId(claim(payload, issuer.organizationIdClaim)),
    role: readRole(issuer, payload),
  };
}

/** By the whole name first (`https://example.com/roles`), then as a path (`realm_access.roles`). */
function claim(payload: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function readId(value: unknown): string | undefined {
  const id = typeof value === 'number' ? String(value) : value;
  return typeof id === 'string' && id !== '' && id.length <= ID_LENGTH_MAX && !/\p{Cc}/u.test(id) ? id : undefined;
}

/** An entry that is no id makes the list one of nobody's teams: undefined would lift a restriction. */
function readIds(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values
    .slice(0, TEAMS_MAX)
    .map(readId)
    .filter((id) => id !== undefined);
}

function firstOf<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}

function readRole(issuer: JwtIssuer, payload: JWTPayload): ClaimedRole | undefined {
  const said = new Set(
    issuer.rolesClaims.flatMap((name) => {
      const value = claim(payload, name);
      return typeof value === 'string'
        ? [value, ...value.split(' ')]
        : Array.isArray(value)
          ? (value as unknown[])
          : [];
    }),
  );
  const given = new Set([...issuer.roleMap].filter(([role]) => said.has(role)).map(([, role]) => role));
  return HIGHEST_FIRST.find((role) => given.has(role));
}
