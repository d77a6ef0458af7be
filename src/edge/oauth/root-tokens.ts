import { Inject, Injectable } from '@nestjs/common';
import { NO_GRANTS } from '../../core/model/permission.js';
import type { Principal } from '../../core/model/principal.js';
import type { OAuthSettings } from '../../platform/config/settings.js';
import { OAUTH_SETTINGS } from '../../platform/config/tokens.js';
import { Authenticator } from '../../state/identity/authenticator.js';
import { OAuthGrantStore, type GrantHolder, type GrantRecord } from '../../state/identity/oauth-grant.store.js';
import { accessTokenContent, OAuthTokens } from '../../state/identity/oauth-tokens.js';
import { SealedTokens } from '../../state/identity/sealed-tokens.js';
import { OAuthRefusal } from './oauth-refusal.js';
import type { RootCode } from './root-code.js';
import { GRANTED_SCOPES } from './root-scopes.js';

/** RFC 6749 §5.1. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly refresh_token?: string;
  readonly scope: string;
}

/** What a refresh token says: which grant, and which of its refresh tokens it is. */
type RefreshContent = readonly [grantId: string, generation: number];

/** A grant for which no row exists until its first token is issued. */
export interface GrantOffer {
  readonly grantId: string;
  readonly holder: GrantHolder;
  readonly clientId: string;
  readonly clientName: string;
  readonly redirectHost: string;
  readonly endpoint: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Issues and takes back the tokens of the root issuer. */
@Injectable()
export class RootTokens {
  constructor(
    @Inject(OAUTH_SETTINGS) private readonly settings: OAuthSettings,
    @Inject(OAuthGrantStore) private readonly grants: OAuthGrantStore,
    @Inject(OAuthTokens) private readonly tokens: OAuthTokens,
    @Inject(SealedTokens) private readonly sealed: SealedTokens,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
  ) {}

  /** The first tokens of a code. @throws OAuthRefusal `invalid_grant` when who allowed it may do nothing any more. */
  redeem(code: RootCode): Promise<TokenAnswer> {
    return this.begin({ ...code, expiresAt: Date.now() + this.settings.grantMs }, true);
  }

  /** Makes the grant and answers its first tokens. @throws OAuthRefusal `invalid_grant`. */
  async begin(offer: GrantOffer, isRefreshable: boolean): Promise<TokenAnswer> {
    const { grantId: id, endpoint: audience, holder, expiresAt } = offer;
    const actor = await this.#principalOf(offer);
    const { clientId, clientName, redirectHost } = offer;
    const scopes = GRANTED_SCOPES;
    await this.grants.create(actor, { id, holder, clientId, clientName, redirectHost, audience, scopes, expiresAt });
    return this.#answer({ id, audience, scopes, expiresAt }, isRefreshable ? 0 : undefined);
  }

  /**
   * New tokens for a refresh token, which is good no more (RFC 9700 §4.14.2). One that was used before ends the grant: two
   * hold what one should. Within `refresh_grace_seconds` of its use it is answered again, as the same client may have asked
   * twice.
   *
   * @throws OAuthRefusal `invalid_grant`.
   */
  async refresh(token: string, clientId: string, endpoint: string | undefined): Promise<TokenAnswer> {
    const content = this.sealed.open('refresh', token) as RefreshContent | undefined;
    if (content === undefined) throw invalidGrant('the refresh token is not one of this gateway');
    const [id, generation] = content;
    const grant = await this.#find(id);
    if (grant === undefined || grant.revoked || grant.expiresAt <= Date.now() || grant.clientId !== clientId) {
      throw invalidGrant('the grant is over, or another client’s');
    }
    if (endpoint !== undefined && endpoint !== grant.audience) {
      throw new OAuthRefusal('invalid_target', 'this grant is for another endpoint');
    }
    const actor = await this.#principalOf(grant);
    if (generation === grant.refreshGeneration && (await this.grants.advance(id, generation))) {
      return this.#answer(grant, generation + 1);
    }
    const again = await this.#find(id);
    if (again !== undefined && this.#isWithinGrace(again, generation))
      return this.#answer(again, again.refreshGeneration);
    await this.grants.revoke(actor, id, 'reuse of a refresh token');
    throw invalidGrant('the refresh token was used before: the grant is over');
  }

  /** RFC 7009: ends the grant of an access or refresh token, if this client holds it. */
  async revoke(token: string, clientId: string): Promise<void> {
    const content = this.sealed.open('refresh', token) ?? this.sealed.open('access', token);
    const [id] = (content ?? []) as Partial<RefreshContent>;
    const grant = id === undefined ? undefined : await this.#find(id);
    if (grant?.clientId === clientId) await this.#end(grant, 'client');
  }

  /** A code came again: what it gave is in the wrong hands (RFC 6749 §4.1.2). */
  async revokeOf({ grantId }: RootCode): Promise<void> {
    const grant = await this.#find(grantId);
    if (grant !== undefined) await this.#end(grant, 'reuse of a code');
  }

  async #end(grant: GrantRecord, by: string): Promise<void> {
    if (grant.revoked) return;
    const resolved = await this.tokens.holderOf(grant, this.authenticator.resolveMaster);
    // Whoever may do nothing any more may still give back what they allowed.
    const actor: Principal = resolved.kind === 'principal' ? resolved.principal : nobody(grant);
    await this.grants.revoke(actor, grant.id, by);
  }

  async #find(id: string): Promise<GrantRecord | undefined> {
    return (await this.grants.grantsById([id])).get(id);
  }

  async #principalOf(grant: Pick<GrantRecord, 'holder'>): Promise<Principal> {
    const resolved = await this.tokens.holderOf(grant, this.authenticator.resolveMaster);
    if (resolved.kind === 'refused') throw invalidGrant('who allowed it is not let in any more');
    const { principal } = resolved;
    if (principal.expiresAt !== undefined && principal.expiresAt <= Date.now())
      throw invalidGrant('the key has expired');
    return principal;
  }

  #isWithinGrace({ refreshGeneration, lastUsedAt, revoked }: GrantRecord, generation: number): boolean {
    if (revoked || generation !== refreshGeneration - 1) return false;
    return Date.now() - lastUsedAt < this.settings.refreshGraceMs;
  }

  #answer(
    { id, audience, scopes, expiresAt }: Pick<GrantRecord, 'id' | 'audience' | 'scopes' | 'expiresAt'>,
    generation: number | undefined,
  ): TokenAnswer {
    const ends = Math.min(Date.now() + this.settings.accessTokenMs, expiresAt);
    return {
      access_token: this.sealed.seal('access', accessTokenContent({ grantId: id, audience, expiresAt: ends })),
      token_type: 'Bearer',
      expires_in: Math.max(0, Math.floor((ends - Date.now()) / 1_000)),
      ...(generation === undefined
        ? {}
        : { refresh_token: this.sealed.seal('refresh', [id, generation] satisfies RefreshContent) }),
      scope: scopes.join(' '),
    };
  }
}

function invalidGrant(description: string): OAuthRefusal {
  return new OAuthRefusal('invalid_grant', description);
}

function nobody({ id }: GrantRecord): Principal {
  return { kind: 'jwt', id: `oauth_grant:${id}`, role: 'internal_user_viewer', grants: NO_GRANTS };
}
