import type { JWTPayload } from 'jose';
import type { JwtIssuer } from '../../platform/config/settings.js';

/** Whom a token is for: `everywhere`, one of our endpoints (its path below the base), or `others`. */
export type TokenAudience =
  { readonly kind: 'everywhere' | 'others' } | { readonly kind: 'endpoint'; readonly path: string };

const OTHERS: TokenAudience = { kind: 'others' };

/**
 * Reads `aud` (RFC 7519 §4.1.3): an audience that stands for all of the gateway, else the address of one endpoint, where
 * the issuer makes tokens for those (RFC 8707). A token for several endpoints is for none: it could be passed on from one to
 * another. `baseUrl` is ours, without a trailing slash.
 */
export function readAudience(
  { audiences, endpoints }: JwtIssuer,
  { aud = [] }: JWTPayload,
  baseUrl: string | undefined,
): TokenAudience {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (named.some((audience) => audiences.includes(String(audience)))) return { kind: 'everywhere' };
  if (endpoints === undefined || baseUrl === undefined) return OTHERS;
  const start = `${baseUrl}/`;
  const paths = new Set(
    named
      .filter((audience) => typeof audience === 'string' && audience.startsWith(start))
      .map((audience) => String(audience).slice(baseUrl.length).replace(/\/$/, '')),
  );
  const [path] = paths;
  return path === undefined || paths.size > 1 || /[?#]/.test(path) ? OTHERS : { kind: 'endpoint', path };
}
