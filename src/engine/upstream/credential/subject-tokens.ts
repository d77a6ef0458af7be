import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ClientOffer } from '../../../core/model/client-offer.js';
import type { Secret } from '../../../core/model/secret.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { SourcedCredential } from './credential-source.js';
import { TokenKeeper, type KeptToken } from './token-keeper.js';

/** Exchanged tokens of one process; the ones used longest ago go first (reference §5.8). */
const KEPT_MAX = 500;

/** Exchanges a caller's token for one of the server. */
export type Exchange = (entry: ServerEntry, subject: Secret) => Promise<KeptToken>;

/**
 * Tokens that were exchanged for callers' own: one for each server and subject token, known by its hash only. Never kept
 * beyond the end of the subject token.
 */
export class SubjectTokens {
  readonly #kept = new Map<string, SourcedCredential>();

  constructor(
    private readonly now: () => number,
    private readonly exchange: Exchange,
  ) {}

  /** A caller without a token of their own gets an error that says what to bring. */
  credentialFor(entry: ServerEntry, { caller }: ClientOffer): SourcedCredential {
    const subject = caller?.subjectToken;
    if (subject === undefined) return withoutSubject(entry);
    const identity = `subject:${createHash('sha256').update(subject.reveal()).digest('base64url')}`;
    const key = `${entry.fingerprint} ${identity}`;
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
    const source = new TokenKeeper({ now: this.now, fetch: () => this.#fetch(entry, subject) });
    const made = { identity, source };
    this.#kept.set(key, made);
    return made;
  }

  async #fetch(entry: ServerEntry, subject: Secret): Promise<KeptToken> {
    const endsInMs = (expiryOf(subject) ?? Number.POSITIVE_INFINITY) - Date.now();
    if (endsInMs <= 0) throw subjectRequired(entry, 'the token of the caller has expired');
    const { headers, lifetimeMs } = await this.exchange(entry, subject);
    const lifeMs = Math.min(lifetimeMs ?? Number.POSITIVE_INFINITY, endsInMs);
    return { headers, lifetimeMs: Number.isFinite(lifeMs) ? lifeMs : undefined };
  }
}

function withoutSubject(entry: ServerEntry): SourcedCredential {
  const reason =
    'sign in with a token of your identity provider, or send it as Authorization beside the key in x-litellm-api-key';
  return {
    identity: 'subject:',
    source: {
      headers: () => Promise.reject(subjectRequired(entry, reason)),
      refused: () => Promise.resolve(false),
    },
  };
}

function subjectRequired({ name }: ServerEntry, reason: string): GatewayError {
  return new GatewayError('upstream/subject_token_required', {
    detail: `${name}: ${reason}`,
    data: { server: name, reason, retryable: false },
  });
}

/** Milliseconds since the epoch, as the token itself says; its issuer is who checks it. */
function expiryOf(token: Secret): number | undefined {
  try {
    const { exp } = decodeJwt(token.reveal());
    return exp === undefined ? undefined : exp * 1_000;
  } catch {
    // It says nothing that could be read here.
    return undefined;
  }
}
