import type { IncomingHttpHeaders } from 'node:http';
import { replaceSecrets } from '../../core/definition/server-secrets.js';
import type { ClientOffer } from '../../core/model/client-offer.js';
import type { Principal } from '../../core/model/principal.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { readCredential } from '../../state/identity/read-credential.js';
import type { CallerContext } from './caller-context.js';

/** With `true` the answer says how this request was authenticated, and will be upstream (reference §2.6). */
export const DEBUG_HEADER = 'x-litellm-mcp-debug';

const NONE = '(none)';
/** A value that is meant for a server is a key of ours. It is left out, and this says so. */
const SAME_AS_KEY = 'SAME_AS_LITELLM_KEY';
/** Servers named in one header. */
const SERVERS_MAX = 20;
/** Of secrets at least this long the last characters are shown. */
const SHOWN_FROM_LENGTH = 16;
const SHOWN_CHARS = 4;
const CARRIERS = ['x-litellm-api-key', 'authorization', 'x-api-key'] as const;

/** Where the credential of a server comes from. */
export type AuthResolution =
  | 'no-auth'
  | 'static-token'
  | 'per-request-header'
  | 'oauth2-passthrough'
  | 'm2m-client-credentials'
  | 'per-user-token'
  | 'token-exchange'
  | 'id-jag'
  | 'sigv4'
  | 'user-key'
  | 'identity-header';

export interface DebugOptions {
  /** Whether a value is, or looks like, a key of ours. */
  readonly isGatewayKey: (value: string) => boolean;
}

/**
 * The debug headers for a request that asked for them; none for callers who may not know: they are for administrators and
 * for keys that belong to a user. Secrets are masked, and only administrators read more of an address than its origin. With
 * several servers in scope each value is a list of `server=value`.
 */
export function debugHeaders(
  { principal, view, offer }: Pick<CallerContext, 'principal' | 'view' | 'offer'>,
  headers: IncomingHttpHeaders,
  { isGatewayKey }: DebugOptions,
): Readonly<Record<string, string>> {
  if (headers[DEBUG_HEADER] !== 'true' || !mayKnow(principal)) return {};
  const entries = view.servers.map(({ entry }) => entry);
  const isAdmin = principal.role === 'proxy_admin';
  return {
    'x-mcp-debug-inbound-auth': inboundAuth(headers),
    'x-mcp-debug-oauth2-token': upstreamToken(headers, offer, isGatewayKey),
    'x-mcp-debug-auth-resolution': ofEach(entries, (entry) => authResolution(entry, offer)),
    'x-mcp-debug-outbound-url': ofEach(entries, (entry) => outboundUrl(entry, isAdmin)),
    'x-mcp-debug-server-auth-type': ofEach(entries, ({ auth }) => auth.type),
  };
}

function mayKnow({ role, userId }: Principal): boolean {
  return role === 'proxy_admin' || userId !== undefined;
}

function ofEach(entries: readonly ServerEntry[], value: (entry: ServerEntry) => string): string {
  const [only] = entries;
  if (only === undefined) return NONE;
  if (entries.length === 1) return value(only);
  const named = entries.slice(0, SERVERS_MAX).map((entry) => `${entry.name}=${value(entry)}`);
  const more = entries.length - named.length;
  return [...named, ...(more === 0 ? [] : [`and ${more} more`])].join(', ');
}

function inboundAuth(headers: IncomingHttpHeaders): string {
  const carrier = CARRIERS.find((name) => headers[name] !== undefined);
  const { key } = readCredential(headers);
  return carrier === undefined || key === undefined ? NONE : `${carrier}: ${masked(key)}`;
}

/** What the client brought for servers: its `Authorization` beside a key of ours, or `x-mcp-{server}-authorization`. */
function upstreamToken(
  headers: IncomingHttpHeaders,
  offer: ClientOffer,
  isGatewayKey: DebugOptions['isGatewayKey'],
): string {
  const { upstreamAuthorization } = readCredential(headers);
  const perServer = Object.entries(headers).filter(([name]) => name.startsWith('x-mcp-'));
  const offered = [upstreamAuthorization, ...perServer.map(([, value]) => value)].filter(
    (value) => typeof value === 'string',
  );
  // A token of the server that we sealed for the client is ours as well, and is not meant.
  if (offer.caller?.upstreamToken === undefined && offered.some(isGatewayKey)) return SAME_AS_KEY;
  return upstreamAuthorization === undefined ? NONE : masked(upstreamAuthorization.replace(/^\w+ +/, ''));
}

/** Where the credential that goes to this server comes from, in the order in which `resolveCredential` decides. */
export function authResolution(entry: ServerEntry, offer: ClientOffer): AuthResolution {
  const { auth, byok, identityHeader, tokenHeader } = entry;
  const own = offer.perServer.get(entry.id);
  const carriers = ['authorization', 'x-api-key', tokenHeader];
  const brings = Object.keys(own ?? {}).some((name) => carriers.includes(name.toLowerCase()));
  const copies = entry.extraHeaders.some((name) => isCopied(name.toLowerCase(), offer));
  if (entry.staticHeaders.some(([name]) => name.toLowerCase() === tokenHeader)) return 'static-token';
  if (brings || offer.shared !== undefined || copies) return 'per-request-header';
  if (offer.caller?.upstreamToken?.serverId === entry.id) return 'oauth2-passthrough';
  if (byok) return 'user-key';
  switch (auth.type) {
    case 'none':
      return identityHeader?.header === 'authorization' ? 'identity-header' : 'no-auth';
    case 'oauth2':
      if (auth.value !== undefined) return 'static-token';
      return auth.flow === 'client_credentials' ? 'm2m-client-credentials' : 'per-user-token';
    case 'oauth2_token_exchange':
      return 'token-exchange';
    case 'oauth2_id_jag':
      return 'id-jag';
    case 'aws_sigv4':
      return 'sigv4';
    default:
      return auth.value === undefined ? 'no-auth' : 'static-token';
  }
}

function isCopied(name: string, { headers }: ClientOffer): boolean {
  return name === 'authorization' && headers.authorization !== undefined;
}

function outboundUrl({ endpoint }: ServerEntry, isAdmin: boolean): string {
  if (endpoint.kind === 'stdio') return 'stdio';
  if (!isAdmin) return URL.parse(endpoint.url)?.origin ?? NONE;
  return String(replaceSecrets({ url: endpoint.url }, () => '***')['url']);
}

function masked(secret: string): string {
  return secret.length < SHOWN_FROM_LENGTH ? '****' : `****${secret.slice(-SHOWN_CHARS)}`;
}
