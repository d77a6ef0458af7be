import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { CredentialHeaders, CredentialRefusal, CredentialSource } from './credential-source.js';

/** A token that was given, ready to be sent. */
export interface KeptToken {
  readonly headers: CredentialHeaders;
  /** Milliseconds it is good for, from now on; undefined: nobody said. */
  readonly lifetimeMs: number | undefined;
}

export interface TokenKeeperMeans {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Gets a token; `useless` are the headers of one that is old or was refused. */
  readonly fetch: (useless: CredentialHeaders | undefined) => Promise<KeptToken>;
}

/** Contract §11: a token is used until a minute before its end, ten seconds at least, an hour when it has no end. */
const EARLY_MS = 60_000;
const KEPT_MS_MIN = 10_000;
const KEPT_MS_UNKNOWN = 3_600_000;
/** The next one is got behind the calls that still use this one: in the last fifth, a minute at most. */
const REFRESH_SHARE = 0.2;
const REFRESH_MS_MAX = 60_000;
/** What a token endpoint refused, it is not asked again at once. */
const FAILED_MS = 1_000;
/** A server that refuses one fresh token after the other does not refuse them for their age. */
const REPLACED_MAX = 3;
const REPLACED_WITHIN_MS = 10_000;

interface Held {
  readonly headers: CredentialHeaders;
  readonly refreshAt: number;
  readonly until: number;
  /** Its real end: beyond `until` it is still better than none. */
  readonly endsAt: number;
}

/**
 * One token and its life: fetched on first use, once for all who wait, renewed behind the calls before it ends, got once
 * more when the server refuses it (contract §11).
 */
export class TokenKeeper implements CredentialSource {
  #held: Held | undefined;
  #fetching: Promise<CredentialHeaders> | undefined;
  /** When tokens were replaced because they were refused, the last few times. */
  #replacedAt: readonly number[] = [];
  #failed: { readonly error: unknown; readonly until: number } | undefined;

  constructor(private readonly means: TokenKeeperMeans) {}

  headers(): CredentialHeaders | Promise<CredentialHeaders> {
    const held = this.#held;
    const now = this.means.now();
    if (held === undefined || now >= held.until) return this.#fetch(held?.headers);
    if (now >= held.refreshAt && this.#fetching === undefined) {
      this.#fetch(held.headers).catch(() => {
        // The one at hand is still good; whoever finds it ended is told.
      });
    }
    return held.headers;
  }

  async refused(sent: CredentialHeaders, { status }: CredentialRefusal): Promise<boolean> {
    // Another token of the same client has the same scopes.
    if (status !== 401) return false;
    const held = this.#held;
    if (held === undefined || !wasSent(held.headers, sent)) {
      await this.headers();
      return true;
    }
    const now = this.means.now();
    this.#replacedAt = this.#replacedAt.filter((at) => now - at < REPLACED_WITHIN_MS);
    if (this.#replacedAt.length >= REPLACED_MAX) return false;
    this.#replacedAt = [...this.#replacedAt, now];
    this.#held = undefined;
    await this.#fetch(held.headers);
    return true;
  }

  #fetch(useless: CredentialHeaders | undefined): Promise<CredentialHeaders> {
    if (this.#fetching !== undefined) return this.#fetching;
    const failed = this.#failed;
    if (failed !== undefined && this.means.now() < failed.until) return Promise.reject(asError(failed.error));
    const fetching = this.means
      .fetch(useless)
      .then(
        (token) => this.#keep(token),
        (error: unknown) => this.#keepFormer(error),
      )
      .finally(() => {
        this.#fetching = undefined;
      });
    this.#fetching = fetching;
    return fetching;
  }

  #keep({ headers, lifetimeMs }: KeptToken): CredentialHeaders {
    const now = this.means.now();
    const keptMs = lifetimeMs === undefined ? KEPT_MS_UNKNOWN : Math.max(lifetimeMs - EARLY_MS, KEPT_MS_MIN);
    this.#failed = undefined;
    this.#held = {
      headers,
      refreshAt: now + keptMs - Math.min(keptMs * REFRESH_SHARE, REFRESH_MS_MAX),
      until: now + keptMs,
      endsAt: now + Math.max(lifetimeMs ?? KEPT_MS_UNKNOWN, keptMs),
    };
    return headers;
  }

  #keepFormer(error: unknown): CredentialHeaders {
    const now = this.means.now();
    this.#failed = { error, until: now + FAILED_MS };
    if (this.#held !== undefined && now < this.#held.endsAt) return this.#held.headers;
    throw error;
  }
}

function wasSent(headers: CredentialHeaders, sent: CredentialHeaders): boolean {
  return Object.entries(headers).every(([name, value]) => sent[name] === value);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new GatewayError('internal/bug', { cause: error });
}
