import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { requestText } from '../../../platform/http/request-text.js';
import { learntAddress, serverUrl, writtenAddress } from './learnt-address.js';
import { fetchDocument, textOf, textsOf, type JsonRecord } from './oauth-json.js';
import { parseBearerChallenge, type BearerChallenge } from './parse-challenge.js';
import { SignInProblem } from './sign-in-problem.js';

/** What a server says of who protects it (RFC 9728 §2). */
export interface ResourceMetadata {
  readonly resource: string | undefined;
  readonly authorizationServers: readonly string[];
  readonly scopes: readonly string[];
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const CHALLENGE_BYTES_MAX = 64 * 1024;
const CHALLENGE_MS = 10_000;

/** Something every revision refuses without a credential, and no revision keeps anything for. */
const PROBE = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/**
 * The challenge with which the server refuses a request without credential; undefined when it does not refuse. Asked twice
 * at most, by GET and by POST, since some servers look at credentials on one of them only.
 */
export async function fetchChallenge(client: HttpClient, entry: ServerEntry): Promise<BearerChallenge | undefined> {
  const { url, policy } = writtenAddress(serverUrl(entry).href);
  for (const method of ['GET', 'POST'] as const) {
    const { status, headers } = await requestText(client, {
      url,
      policy,
      method,
      headers: [
        'accept',
        'application/json, text/event-stream',
        ...(method === 'POST' ? ['content-type', 'application/json'] : []),
      ],
      ...(method === 'POST' ? { body: PROBE } : {}),
      redirects: 'follow',
      bytesMax: CHALLENGE_BYTES_MAX,
      timeoutMs: CHALLENGE_MS,
    });
    const header = headers['www-authenticate'];
    if (status === 401 || status === 403) return parseBearerChallenge(header) ?? NO_CHALLENGE;
  }
  return undefined;
}

const NO_CHALLENGE: BearerChallenge = { resourceMetadata: undefined, scope: undefined, error: undefined };

/**
 * The server's metadata: at the address its challenge names, else below its own origin in path form, else in root form
 * (protocol page §4). Undefined when there is none.
 *
 * @throws SignInProblem for a document that is about another resource.
 */
export async function findResourceMetadata(
  client: HttpClient,
  entry: ServerEntry,
  challenge: BearerChallenge | undefined,
): Promise<ResourceMetadata | undefined> {
  const own = serverUrl(entry);
  if (challenge?.resourceMetadata !== undefined) {
    const address = learntAddress(challenge.resourceMetadata, entry);
    if (address === undefined) throw new SignInProblem('its challenge names a metadata address that is not to be used');
    const document = await fetchDocument(client, address);
    if (document !== undefined) return readMetadata(document, own);
  }
  const path = own.pathname.replace(/\/$/, '');
  for (const place of path === '' ? [''] : [`${path}${own.search}`, '']) {
    const document = await fetchDocument(client, writtenAddress(`${own.origin}${WELL_KNOWN}${place}`));
    if (document !== undefined) return readMetadata(document, own);
  }
  return undefined;
}

function readMetadata(document: JsonRecord, own: URL): ResourceMetadata {
  const resource = textOf(document, 'resource');
  if (resource !== undefined && !covers(resource, own)) {
    throw new SignInProblem('its resource metadata is about another resource');
  }
  return {
    resource,
    authorizationServers: textsOf(document, 'authorization_servers') ?? [],
    scopes: textsOf(document, 'scopes_supported') ?? textsOf(document, 'scopes') ?? [],
  };
}

/** The resource is the server's URL, or something the URL lies below. */
function covers(resource: string, own: URL): boolean {
  const url = URL.parse(resource);
  if (url?.origin !== own.origin) return false;
  const [above, below] = [slashed(url.pathname), slashed(own.pathname)];
  return below.startsWith(above);
}

function slashed(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
