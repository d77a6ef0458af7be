import type { IncomingHttpHeaders } from 'node:http';

/** What the caller presented to us, and what they meant for upstreams. */
export interface PresentedCredential {
  /** The gateway key, `Bearer ` taken off; undefined when no carrier holds one. */
  readonly key: string | undefined;
  /** The `Authorization` header when it belongs to the upstream flow and not to us (contract §8). */
  readonly upstreamAuthorization: string | undefined;
}

/**
 * Key carriers in order (contract §8): `x-litellm-api-key: [Bearer ]KEY`; else `Authorization: Bearer KEY`; else
 * `x-api-key`. With the first present, `Authorization` is the client's own upstream credential and never tried as a key.
 */
export function readCredential(headers: IncomingHttpHeaders): PresentedCredential {
  const own = single(headers['x-litellm-api-key']);
  if (own !== undefined) {
    return { key: withoutBearer(own), upstreamAuthorization: headers.authorization };
  }
  const authorization = headers.authorization;
  if (authorization !== undefined) {
    const isBearer = /^bearer /i.test(authorization);
    return { key: isBearer ? withoutBearer(authorization) : undefined, upstreamAuthorization: undefined };
  }
  const apiKey = single(headers['x-api-key']);
  return { key: apiKey === undefined ? undefined : withoutBearer(apiKey), upstreamAuthorization: undefined };
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function withoutBearer(value: string): string {
  return value.slice(0, 7).toLowerCase() === 'bearer ' ? value.slice(7).trim() : value.trim();
}
