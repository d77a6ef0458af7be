import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { ChangeFeed } from '../../platform/database/change-feed.js';
import { BatchedLookup, wasOvertaken } from './batched-lookup.js';
import type { Identity, Refused, Resolved } from './identity.js';
import { IdentityCache } from './identity-cache.js';
import { OAuthGrantStore, type GrantRecord } from './oauth-grant.store.js';
import type { RefusalReason } from './refusal.js';
import { SealedTokens } from './sealed-tokens.js';
import { TokenOwnersReader } from './token-owners-reader.js';
import { tokenPrincipal } from './token-principal.js';
import { VirtualKeys } from './virtual-keys.js';

/** What an access token says. */
interface AccessToken {
  readonly grantId: string;
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What stands behind a token that was refused on its looks: no row that could change. */
const NO_ROWS = ['token'];

/** Answers the principal of the master key; undefined when this is not its hash (any more). */
export type ResolveMaster = (keyHash: string) => Resolved | undefined;

/**
 * Access tokens of the gateway's own authorization server, by their SHA-256. A token is opened without the database; the
 * grant behind it, and the key or user behind that, are read once and then watched like those of a key.
 */
@Injectable()
export class OAuthTokens implements OnApplicationShutdown {
  readonly #cache: IdentityCache;
  readonly #grants: BatchedLookup<GrantRecord>;

  constructor(
    @Inject(OAuthGrantStore) store: OAuthGrantStore,
    @Inject(SealedTokens) private readonly sealed: SealedTokens,
    @Inject(VirtualKeys) private readonly keys: VirtualKeys,
    @Inject(TokenOwnersReader) private readonly owners: TokenOwnersReader,
    @Inject(ChangeFeed) feed: ChangeFeed,
    @Inject(LIMITS) limits: Limits,
  ) {
    this.#grants = new BatchedLookup((ids) => store.grantsById(ids));
    this.#cache = new IdentityCache({
      identitiesMax: limits.principalsCachedMax,
      staleMs: limits.staleMs,
      changesLagMs: () => feed.status().lagMs,
    });
  }

  onApplicationShutdown(): void {
    this.#cache.close();
  }

  get size(): number {
    return this.#cache.size;
  }

  /** Whether a credential is to be judged as such a token. */
  accepts(credential: string): boolean {
    return credential.startsWith('gha_');
  }

  /** `hash` is the token's. A promise for one that is not in memory; it rejects with `database/unavailable`. */
  identify(
    token: string,
    hash: string,
    master: ResolveMaster,
  ): Identity | RefusalReason | Promise<Identity | RefusalReason> {
    const found = this.#cache.find(hash);
    if (found !== undefined) return found;
    const content = readAccessToken(this.sealed.open('access', token));
    if (content === undefined) return 'token_invalid';
    if (content.expiresAt <= Date.now()) return 'token_expired';
    const resolve = (): Promise<Resolved | Refused> => this.#resolve(content, master);
    return this.#cache.load(hash, resolve, resolve);
  }

  /** Whom a grant stands for now: what its tokens are worth, whatever they say themselves. */
  async holderOf(grant: Pick<GrantRecord, 'holder'>, master: ResolveMaster): Promise<Resolved | Refused> {
    const { holder } = grant;
    if (holder.kind !== 'oidc') {
      if (holder.kind === 'key') return this.keys.read(holder.keyHash);
      return master(holder.keyHash) ?? refused('grant_revoked', NO_ROWS);
    }
    const { owners, ...reading } = await this.owners.read(holder.claims, false);
    if (holder.userKnown && owners.user === undefined)
      return { kind: 'refused', reason: 'token_user_unknown', ...reading };
    return { ...tokenPrincipal(holder.claims, owners), ...reading };
  }

  changed(subjects: ReadonlySet<string>): void {
    for (const subject of subjects) this.#grants.noteChanged(subject);
    this.#cache.changed(subjects);
  }

  changedAll(): void {
    this.#grants.noteChangedAll();
    this.#cache.changedAll();
  }

  async #resolve({ grantId, audience, expiresAt }: AccessToken, master: ResolveMaster): Promise<Resolved | Refused> {
    const looked = await this.#grants.find(grantId);
    const grant = looked.value;
    const subject = `oauth_grant:${grantId}`;
    if (grant === undefined || grant.revoked || grant.expiresAt <= Date.now()) {
      const { readAt } = looked;
      return {
        kind: 'refused',
        reason: 'grant_revoked',
        subjects: [subject],
        readAt,
        isOvertaken: wasOvertaken(looked, [subject]),
      };
    }
    const holder = await this.holderOf(grant, master);
    const reading = {
      subjects: [...holder.subjects, subject],
      readAt: Math.min(holder.readAt, looked.readAt),
      isOvertaken: holder.isOvertaken || wasOvertaken(looked, [subject]),
    };
    if (holder.kind === 'refused') return { ...holder, ...reading };
    const { principal } = holder;
    const heldUntil = Math.min(grant.expiresAt, principal.expiresAt ?? Number.POSITIVE_INFINITY);
    const ends = Math.min(expiresAt, heldUntil);
    return {
      kind: 'principal',
      principal: Object.freeze({ ...principal, audience, expiresAt: ends }),
      heldUntil,
      ...reading,
    };
  }
}

function refused(reason: RefusalReason, subjects: readonly string[]): Refused {
  return { kind: 'refused', reason, subjects, readAt: performance.now(), isOvertaken: false };
}

/** The content of a sealed access token: grant, audience, end. */
function readAccessToken(content: unknown): AccessToken | undefined {
  if (!Array.isArray(content)) return undefined;
  const [grantId, audience, expiresAt] = content as readonly unknown[];
  if (typeof grantId !== 'string' || typeof audience !== 'string' || typeof expiresAt !== 'number') return undefined;
  return { grantId, audience, expiresAt };
}

/** The same, to be sealed. */
export function accessTokenContent({ grantId, audience, expiresAt }: AccessToken): unknown {
  return [grantId, audience, expiresAt];
}
