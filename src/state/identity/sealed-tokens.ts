import { Inject, Injectable } from '@nestjs/common';
import type { Secret } from '../../core/model/secret.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';

/**
 * `access` and `refresh` are of the gateway's own issuer; the other two hold tokens of an upstream, for clients that bring
 * a key of their own beside them.
 */
export type TokenKind = 'access' | 'refresh' | 'upstream_access' | 'upstream_refresh';

const PREFIXES: Readonly<Record<TokenKind, string>> = {
  access: 'gha_',
  refresh: 'ghr_',
  upstream_access: 'ghu_',
  upstream_refresh: 'ghv_',
};

const KINDS = Object.keys(PREFIXES) as readonly TokenKind[];
/** Of a prefix; all are as long. */
const PREFIX_LENGTH = 4;
/** Longer values are not opened: what a token holds is small. */
const LENGTH_MAX = 16 * 1_024;

/** Tokens that OAuth clients hold: sealed values that say everything themselves, each kind under a key of its own. */
@Injectable()
export class SealedTokens {
  readonly #sealers: Readonly<Record<TokenKind, Sealer>>;

  constructor(@Inject(SEALING_SECRET) secret: Secret) {
    this.#sealers = Object.fromEntries(
      KINDS.map((kind) => [kind, new Sealer(secret, `oauth-token-${kind}`)]),
    ) as Record<TokenKind, Sealer>;
  }

  /** `content` is plain JSON. */
  seal(kind: TokenKind, content: unknown): string {
    return PREFIXES[kind] + this.#sealers[kind].seal(JSON.stringify(content));
  }

  /** What was sealed; undefined for anything else. Does not know whether it is over. */
  open(kind: TokenKind, token: string): unknown {
    if (!token.startsWith(PREFIXES[kind]) || token.length > LENGTH_MAX) return undefined;
    const text = this.#sealers[kind].open(token.slice(PREFIX_LENGTH));
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  }

  /**
   * Whether a value is, or was, a token of ours. The prefix alone does not say so: others begin theirs the same way
   * (`ghu_` and `ghr_` are GitHub's), so what follows must have been sealed here.
   */
  isOurs(token: string): boolean {
    const kind = KINDS.find((known) => token.startsWith(PREFIXES[known]));
    return kind !== undefined && this.#sealers[kind].recognises(token.slice(PREFIX_LENGTH));
  }
}
