import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { AddressPolicy } from '../../../platform/http/address-guard.js';

/** An address of an OAuth endpoint, judged: whose word it is decides what may be dialled. */
export interface JudgedAddress {
  readonly url: string;
  readonly policy: AddressPolicy;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** An address that an administrator wrote: like that of the server itself. */
export function writtenAddress(url: string): JudgedAddress {
  return { url, policy: 'registered' };
}

/**
 * An address that a document, a challenge or an authorization server named (security page, "SSRF"). On the server's own
 * origin it is as good as the server's; elsewhere it must be https and public, but for loopback when the server itself is
 * on loopback: a development machine. Undefined: it is not to be used at all.
 */
export function learntAddress(text: string, entry: ServerEntry): JudgedAddress | undefined {
  const url = URL.parse(text);
  if (url?.username !== '' || url.password !== '') return undefined;
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  const own = serverUrl(entry);
  if (url.origin === own.origin) return { url: url.href, policy: 'registered' };
  if (LOOPBACK.test(url.hostname)) {
    return LOOPBACK.test(own.hostname) ? { url: url.href, policy: 'registered' } : undefined;
  }
  return url.protocol === 'https:' ? { url: url.href, policy: 'third-party' } : undefined;
}

/** The server's URL. Throws for a child process: nobody can be sent to one with a browser. */
export function serverUrl({ endpoint }: ServerEntry): URL {
  if (endpoint.kind !== 'http') throw new TypeError('a server without a URL has no authorization server');
  return new URL(endpoint.url);
}
