import { AwsKeysError, type AwsKeys } from './aws-keys.js';

/** Temporary keys this close to their end are fetched again in the background. */
const REFRESH_BEFORE_MS = 5 * 60_000;
/** Closer than this they are not used any more: a request takes time. */
const UNUSABLE_BEFORE_MS = 30_000;
/** Keys without a known end (files, variables) are read again after this: somebody may have put others there. */
const REREAD_MS = 5 * 60_000;
/** After a failure nobody asks again for so long; whoever calls meanwhile is told the same. */
const RETRY_MS = 5_000;
/** Refused keys that are younger are not fetched again: the same would come back, or the service means something else. */
const REFUSED_AGE_MIN_MS = 60_000;

/**
 * Keys that are there when a request is signed: fetched on first use, once for all who wait, again before they end while
 * the former ones still serve, and after a failure not at once.
 */
export class RefreshingKeys {
  readonly #fetch: () => Promise<AwsKeys>;
  readonly #now: () => number;
  #keys: AwsKeys | undefined;
  #fetchedAt = 0;
  #pending: Promise<AwsKeys> | undefined;
  #failure: { readonly error: unknown; readonly at: number } | undefined;

  constructor(fetch: () => Promise<AwsKeys>, now: () => number = Date.now) {
    this.#fetch = fetch;
    this.#now = now;
  }

  /** The keys when there are usable ones, at once; starts to replace them when it is time to. */
  current(): AwsKeys | undefined {
    const keys = this.#keys;
    if (keys === undefined) return undefined;
    const now = this.#now();
    if (keys.expiresAt !== undefined && keys.expiresAt - now < UNUSABLE_BEFORE_MS) return undefined;
    if (this.#isDue(keys, now) && !this.#hasJustFailed(now)) {
      this.#start().catch(() => {
        // The present ones go on serving; the next one who asks after a while tries again.
      });
    }
    return keys;
  }

  /** Usable keys. Rejects with {@link AwsKeysError} or whatever the fetching ran into. */
  get(): Promise<AwsKeys> {
    const keys = this.current();
    if (keys !== undefined) return Promise.resolve(keys);
    if (this.#failure !== undefined && this.#hasJustFailed(this.#now()))
      return Promise.reject(asError(this.#failure.error));
    return this.#start();
  }

  /** A service did not take these keys: they are not used again. Answers whether others can be had by asking again. */
  refused(accessKeyId: string): boolean {
    if (this.#keys?.accessKeyId !== accessKeyId) return this.#keys !== undefined || this.#pending !== undefined;
    if (this.#now() - this.#fetchedAt < REFUSED_AGE_MIN_MS) return false;
    this.#keys = undefined;
    return true;
  }

  #isDue({ expiresAt }: AwsKeys, now: number): boolean {
    return expiresAt === undefined ? now - this.#fetchedAt > REREAD_MS : expiresAt - now < REFRESH_BEFORE_MS;
  }

  #hasJustFailed(now: number): boolean {
    return this.#failure !== undefined && now - this.#failure.at < RETRY_MS;
  }

  #start(): Promise<AwsKeys> {
    this.#pending ??= this.#run().finally(() => (this.#pending = undefined));
    return this.#pending;
  }

  async #run(): Promise<AwsKeys> {
    try {
      const keys = await this.#fetch();
      if (keys.expiresAt !== undefined && keys.expiresAt - this.#now() < UNUSABLE_BEFORE_MS) {
        throw new AwsKeysError('the AWS credentials that were found have ended');
      }
      this.#keys = keys;
      this.#fetchedAt = this.#now();
      this.#failure = undefined;
      return keys;
    } catch (error) {
      this.#failure = { error, at: this.#now() };
      throw error;
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
