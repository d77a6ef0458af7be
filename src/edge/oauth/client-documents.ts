import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import type { OAuthSettings } from '../../platform/config/settings.js';
import { LIMITS, OAUTH_SETTINGS } from '../../platform/config/tokens.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { requestText, type TextResponse } from '../../platform/http/request-text.js';
import { displayName, type KnownClient } from './known-client.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { readRedirectUris } from './registration-request.js';

const URL_LENGTH_MAX = 2_000;
/** As the draft recommends. */
const DOCUMENT_BYTES_MAX = 5 * 1_024;
const TIMEOUT_MS = 5_000;
const FETCHES_AT_ONCE_MAX = 16;
const CACHED_MAX = 500;
const FRESH_MS_DEFAULT = 300_000;
const FRESH_MS_MIN = 30_000;
const FRESH_MS_MAX = 86_400_000;
/** A document that could not be had is not asked for again before this. */
const REFUSED_MS = 15_000;

interface Cached {
  readonly until: number;
  /** Undefined: it was no good. */
  readonly client: KnownClient | undefined;
}

/**
 * Clients that are named by the address of their metadata document (draft-ietf-oauth-client-id-metadata-document). The
 * address came from a stranger: https only, public addresses only (but for `client_metadata_hosts`), no redirects, little
 * time, few bytes, few at once.
 */
@Injectable()
export class ClientDocuments implements OnApplicationShutdown {
  readonly #settings: OAuthSettings;
  readonly #client: HttpClient;
  readonly #cache = new Map<string, Cached>();
  readonly #fetching = new Map<string, Promise<KnownClient | undefined>>();

  constructor(@Inject(OAUTH_SETTINGS) settings: OAuthSettings, @Inject(LIMITS) limits: Limits) {
    this.#settings = settings;
    this.#client = new HttpClient({
      connectTimeoutMs: limits.connectTimeoutMs,
      connectionsPerOriginMax: 4,
      originsMax: 64,
    });
  }

  onApplicationShutdown(): Promise<void> {
    return this.#client.close();
  }

  /** Whether a client id is the address of such a document: https, a path, and nothing that could be spelt otherwise. */
  static isAddress(clientId: string): boolean {
    if (!clientId.startsWith('https://') || clientId.length > URL_LENGTH_MAX) return false;
    const url = URL.parse(clientId);
    if (url?.username !== '' || url.password !== '' || url.pathname === '/') return false;
    return !clientId.includes('#') && url.href === clientId;
  }

  /** Undefined when there is no (good) document. @throws OAuthRefusal `slow_down` when too many are being fetched. */
  async find(address: string): Promise<KnownClient | undefined> {
    const cached = this.#cache.get(address);
    if (cached !== undefined && performance.now() < cached.until) return cached.client;
    const running = this.#fetching.get(address);
    if (running !== undefined) return running;
    if (this.#fetching.size >= FETCHES_AT_ONCE_MAX) {
      throw new OAuthRefusal('slow_down', 'too many client metadata documents are being fetched', 429, {
        retryAfterSeconds: 5,
      });
    }
    const fetching = this.#fetch(address).finally(() => this.#fetching.delete(address));
    this.#fetching.set(address, fetching);
    return fetching;
  }

  async #fetch(address: string): Promise<KnownClient | undefined> {
    try {
      const response = await requestText(this.#client, {
        url: address,
        method: 'GET',
        headers: ['accept', 'application/json'],
        policy: this.#isVouchedFor(address) ? 'registered' : 'third-party',
        redirects: 'none',
        bytesMax: DOCUMENT_BYTES_MAX,
        timeoutMs: TIMEOUT_MS,
      });
      const client = readClientDocument(address, response, { origins: this.#settings.redirectOrigins });
      this.#keep(address, { client, until: performance.now() + freshMs(response) });
      return client;
    } catch {
      // Why is nobody's business who asked: it would tell them what is behind our addresses.
      this.#keep(address, { client: undefined, until: performance.now() + REFUSED_MS });
      return undefined;
    }
  }

  #isVouchedFor(address: string): boolean {
    const { host, hostname } = new URL(address);
    return this.#settings.clientMetadataHosts.some((known) => known === host || known === hostname);
  }

  #keep(address: string, cached: Cached): void {
    this.#cache.delete(address);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size < CACHED_MAX) break;
      this.#cache.delete(oldest);
    }
    this.#cache.set(address, cached);
  }
}

/** @throws OAuthRefusal, SyntaxError. */
function readClientDocument(
  address: string,
  { status, text }: TextResponse,
  policy: Parameters<typeof readRedirectUris>[1],
): KnownClient | undefined {
  if (status !== 200) return undefined;
  const document = JSON.parse(text) as unknown;
  if (typeof document !== 'object' || document === null) return undefined;
  const metadata = document as Readonly<Record<string, unknown>>;
  const method = metadata['token_endpoint_auth_method'];
  // There is no secret that such a client and we could share.
  if (metadata['client_id'] !== address || (method !== undefined && method !== 'none')) return undefined;
  return {
    id: address,
    name: displayName(metadata['client_name']) ?? new URL(address).host,
    kind: 'document',
    redirectUris: readRedirectUris(metadata['redirect_uris'], policy),
    authMethod: 'none',
  };
}

/** RFC 9111: as long as its headers say, within bounds. */
function freshMs({ headers }: TextResponse): number {
  const control = headers['cache-control'] ?? '';
  if (/\bno-(?:store|cache)\b/i.test(control)) return FRESH_MS_MIN;
  const seconds = /\b(?:s-maxage|max-age)\s*=\s*"?(\d{1,9})/i.exec(control)?.[1];
  const age = Number(headers.age ?? 0);
  if (seconds === undefined) return FRESH_MS_DEFAULT;
  return Math.min(FRESH_MS_MAX, Math.max(FRESH_MS_MIN, (Number(seconds) - (Number.isFinite(age) ? age : 0)) * 1_000));
}
