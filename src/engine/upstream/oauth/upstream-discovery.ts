import type { OAuth2Auth, ServerEntry } from '../../../core/model/server-entry.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import type { AuthorizationServer, SignIn } from './authorization-server.js';
import { findAuthorizationServer, ownAuthorizationServer } from './find-authorization-server.js';
import { fetchChallenge, findResourceMetadata } from './find-resource-metadata.js';
import { writtenAddress } from './learnt-address.js';
import { SignInProblem } from './sign-in-problem.js';

const KNOWN_MS = 300_000;
const FAILED_MS = 60_000;
const ENTRIES_MAX = 128;
const DOUBT_MS = 10_000;

interface Remembered {
  readonly answer: Promise<SignIn>;
  /** On the clock of {@link UpstreamDiscovery}; `Infinity` while it is being found out. */
  goodUntil: number;
}

/**
 * Where and how the users of a server sign in (reference §5.2, protocol page §4). What an administrator wrote wins; the rest
 * is found out on first use, never at start and never for a list: challenge, resource metadata, metadata of its
 * authorization server.
 *
 * Answers are kept 300 s, failures 60 s, 128 servers at most, and one search serves all who wait for it.
 */
export class UpstreamDiscovery {
  readonly #remembered = new Map<string, Remembered>();
  readonly #doubted = new Map<string, number>();

  constructor(
    private readonly http: HttpClient,
    private readonly now: () => number = () => http.sweep.now,
  ) {}

  /**
   * For a server with `auth_type: oauth2` and the like; takes what was written from `written`.
   *
   * @throws SignInProblem, HttpFailure.
   */
  find(entry: ServerEntry, written: WrittenEndpoints): Promise<SignIn> {
    const known = this.#remembered.get(entry.fingerprint);
    return known !== undefined && known.goodUntil > this.now() ? known.answer : this.#search(entry, written);
  }

  /**
   * A server refused a token that should have been good: it may have moved to another authorization server, so whoever asks
   * next finds out anew. Once in ten seconds for each server, however many tokens it refuses.
   */
  doubt({ fingerprint }: ServerEntry): void {
    const now = this.now();
    const last = this.#doubted.get(fingerprint);
    if (last !== undefined && now - last < DOUBT_MS) return;
    this.#doubted.delete(fingerprint);
    for (const oldest of this.#doubted.keys()) {
      if (this.#doubted.size < ENTRIES_MAX) break;
      this.#doubted.delete(oldest);
    }
    this.#doubted.set(fingerprint, now);
    this.#remembered.delete(fingerprint);
  }

  #search(entry: ServerEntry, written: WrittenEndpoints): Promise<SignIn> {
    const remembered: Remembered = {
      answer: discover(this.http, entry, written),
      goodUntil: Number.POSITIVE_INFINITY,
    };
    this.#remembered.delete(entry.fingerprint);
    if (this.#remembered.size >= ENTRIES_MAX) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(entry.fingerprint, remembered);
    remembered.answer.then(
      () => void (remembered.goodUntil = this.now() + KNOWN_MS),
      () => void (remembered.goodUntil = this.now() + FAILED_MS),
    );
    return remembered.answer;
  }
}

/** What an administrator wrote of it; wins over what is found out. */
export type WrittenEndpoints = Pick<
  OAuth2Auth,
  'authorizationUrl' | 'tokenUrl' | 'registrationUrl' | 'scopes' | 'resource'
>;

async function discover(http: HttpClient, entry: ServerEntry, written: WrittenEndpoints): Promise<SignIn> {
  if (written.authorizationUrl !== undefined && written.tokenUrl !== undefined) {
    return {
      server: overlay(writtenServer(written.tokenUrl), written),
      scopes: written.scopes,
      resource: written.resource,
    };
  }
  const challenge = await fetchChallenge(http, entry);
  const metadata = await findResourceMetadata(http, entry, challenge);
  const server = await firstServer(http, entry, metadata?.authorizationServers ?? []);
  const challenged = challenge?.scope?.split(' ').filter((scope) => scope !== '') ?? [];
  const named = [...new Set([...challenged, ...written.scopes])];
  return {
    server: overlay(server, written),
    scopes: named.length > 0 ? named : (metadata?.scopes ?? []),
    // A server may call itself by a shorter name than its URL; one that an administrator wrote stays.
    resource: written.resource === ownResource(entry) ? (metadata?.resource ?? written.resource) : written.resource,
  };
}

async function firstServer(
  http: HttpClient,
  entry: ServerEntry,
  issuers: readonly string[],
): Promise<AuthorizationServer> {
  const [first, ...others] = issuers;
  if (first === undefined) return await ownAuthorizationServer(http, entry);
  try {
    return await findAuthorizationServer(http, entry, first);
  } catch (error) {
    for (const issuer of others.slice(0, 2)) {
      try {
        return await findAuthorizationServer(http, entry, issuer);
      } catch {
        // The first one's reason is the one to tell.
      }
    }
    throw error;
  }
}

function overlay(server: AuthorizationServer, written: WrittenEndpoints): AuthorizationServer {
  const { authorizationUrl, tokenUrl, registrationUrl } = written;
  return {
    ...server,
    authorization: authorizationUrl === undefined ? server.authorization : writtenAddress(authorizationUrl),
    token: tokenUrl === undefined ? server.token : writtenAddress(tokenUrl),
    registration: registrationUrl === undefined ? server.registration : writtenAddress(registrationUrl),
  };
}

function writtenServer(tokenUrl: string): AuthorizationServer {
  const url = URL.parse(tokenUrl);
  if (url === null) throw new SignInProblem('its token_url is not an address');
  return {
    issuer: url.origin,
    source: 'configured',
    authorization: undefined,
    token: undefined,
    registration: undefined,
    revocation: undefined,
    tokenAuthMethods: undefined,
    scopesSupported: [],
    supportsPkce: true,
    sendsIssuer: false,
    readsClientDocuments: false,
  };
}

/** What `upstream_resource: auto` compiles to. */
function ownResource({ endpoint }: ServerEntry): string | undefined {
  if (endpoint.kind !== 'http') return undefined;
  const url = new URL(endpoint.url);
  url.hash = '';
  return url.pathname.endsWith('/') && url.search === '' ? url.href.slice(0, -1) : url.href;
}
