import { GatewayError } from '../../core/errors/gateway-error.js';
import { isUserRequirement } from '../../core/errors/user-requirement.js';
import type { ServerList } from './server-list.js';

/** First wait before a failed list is asked for again; doubles up to {@link RETRY_MS_MAX}. */
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;
/** A list older than this many times its freshness is not served any more, not even while it is being refreshed. */
const STALE_FACTOR = 10;

/**
 * Bounds of what an upstream promises of its list. One that promises nothing is asked again every second at most, behind
 * the answer: a call that looks its tool up must not cost a list each time.
 */
const PROMISED_MS_MIN = 1_000;
const PROMISED_MS_MAX = 86_400_000;

export interface SlotTiming {
  readonly freshMs: number;
  readonly now: () => number;
}

/** What a slot can say without waiting. */
export type SlotState =
  | { readonly kind: 'list'; readonly list: ServerList; readonly failure: GatewayError | undefined }
  | { readonly kind: 'failed'; readonly failure: GatewayError; readonly mayRetry: boolean }
  | { readonly kind: 'unknown' };

/**
 * One cached list and its refreshing: at most one fetch in flight, stale lists served while it runs, failures remembered
 * with back-off so that a server known to be dead costs its callers nothing (contract §7).
 */
export class ListSlot {
  #list: ServerList | undefined;
  #fetchedAt = 0;
  #failure: GatewayError | undefined;
  #failures = 0;
  #retryAt = 0;
  #loading: Promise<ServerList> | undefined;
  /** Grows when what is held was declared old; a fetch begun before that does not count. */
  #generation = 0;

  constructor(
    private readonly fetch: () => Promise<ServerList>,
    private readonly onChange: () => void,
    private readonly timing: SlotTiming,
  ) {}

  /** What is known now; starts a refresh in the background if that is due. Never waits. */
  peek(): SlotState {
    const now = this.timing.now();
    if (this.#list !== undefined) {
      const age = now - this.#fetchedAt;
      const freshMs = this.#freshMs(this.#list);
      if (age > freshMs && now >= this.#retryAt) this.#refreshQuietly();
      if (age <= freshMs * STALE_FACTOR) {
        return { kind: 'list', list: this.#list, failure: this.#failure };
      }
    }
    if (this.#failure !== undefined) return { kind: 'failed', failure: this.#failure, mayRetry: now >= this.#retryAt };
    return { kind: 'unknown' };
  }

  /** Fetches (or joins the fetch in flight). Throws GatewayError. */
  load(): Promise<ServerList> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = this.#fetchNow().finally(() => {
      if (this.#loading === loading) this.#loading = undefined;
    });
    this.#loading = loading;
    return loading;
  }

  /** Asks again in the background for a list that somebody has asked for before. */
  refreshIfHeld(): void {
    if (this.#list !== undefined) this.#refreshQuietly();
  }

  /** For a failed list that may be tried again: does so in the background. */
  retryQuietly(): void {
    this.#refreshQuietly();
  }

  /** Milliseconds since the list was fetched; infinite when there is none. */
  get ageMs(): number {
    return this.#list === undefined ? Number.POSITIVE_INFINITY : this.timing.now() - this.#fetchedAt;
  }

  /** The upstream said its list changed: what is held is worth nothing. */
  invalidate(): void {
    this.#generation += 1;
    this.#list = undefined;
    this.#failure = undefined;
    this.#retryAt = 0;
    this.#loading = undefined;
    this.onChange();
  }

  /** As long as the upstream says, within reason; else as long as lists are kept here. */
  #freshMs({ hints }: ServerList): number {
    if (hints === undefined) return this.timing.freshMs;
    return Math.min(Math.max(hints.ttlMs, PROMISED_MS_MIN), PROMISED_MS_MAX);
  }

  #refreshQuietly(): void {
    if (this.#loading !== undefined) return;
    this.load().catch(() => {
      // Remembered in #failure and shown in the outcomes of the next list.
    });
  }

  async #fetchNow(): Promise<ServerList> {
    const generation = this.#generation;
    try {
      const fetched = await this.fetch();
      if (generation !== this.#generation) return await this.load();
      const previous = this.#list;
      const recovered = this.#failure !== undefined;
      this.#fetchedAt = this.timing.now();
      this.#failure = undefined;
      this.#failures = 0;
      this.#retryAt = 0;
      if (previous?.sameAs(fetched) === true && sameHints(previous, fetched)) return previous;
      this.#list = fetched;
      if (previous?.sameAs(fetched) === true) return fetched;
      if (previous !== undefined || recovered) this.onChange();
      return fetched;
    } catch (error) {
      const failure = error instanceof GatewayError ? error : new GatewayError('internal/bug', { cause: error });
      if (generation === this.#generation && isUserRequirement(failure)) {
        // No server was asked, so asking again costs nothing, and must not wait once the user brought what was missing.
        // What they saw before they took it back is not for them any more.
        this.#list = undefined;
        this.#failure = undefined;
        this.#failures = 0;
      } else if (generation === this.#generation) {
        this.#failure = failure;
        this.#retryAt = this.timing.now() + Math.min(RETRY_MS_MIN * 2 ** this.#failures, RETRY_MS_MAX);
        this.#failures += 1;
      }
      throw failure;
    }
  }
}

function sameHints({ hints: left }: ServerList, { hints: right }: ServerList): boolean {
  return left?.ttlMs === right?.ttlMs && left?.cacheScope === right?.cacheScope;
}
