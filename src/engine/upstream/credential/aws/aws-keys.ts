import type { Secret } from '../../../../core/model/secret.js';

/** Keys that requests are signed with. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  /** With temporary keys only. */
  readonly sessionToken: Secret | undefined;
  /** Milliseconds since the epoch; undefined: until somebody takes them away. */
  readonly expiresAt: number | undefined;
}

/** One place where keys may be. Undefined: not here. Rejects with {@link AwsKeysError} when they should be, and are not. */
export type KeyProvider = () => Promise<AwsKeys | undefined>;

/** Why keys cannot be had. The message holds no secret and is fit for whoever calls. */
export class AwsKeysError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AwsKeysError';
  }
}
