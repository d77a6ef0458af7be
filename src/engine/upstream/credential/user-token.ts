import { createHash } from 'node:crypto';
import { isRecord } from '../../../core/definition/field-checks.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ClientOffer, OfferCaller } from '../../../core/model/client-offer.js';
import { Secret } from '../../../core/model/secret.js';
import type { OAuth2Auth, ServerEntry } from '../../../core/model/server-entry.js';
import { credentialAddress } from '../../../state/credential/credential-address.js';
import type { CredentialRenewals, Renewal } from '../../../state/credential/credential-renewals.js';
import { tokenRefusal } from '../../../state/credential/token-rules.js';
import type { UserCredential } from '../../../state/credential/user-credential.js';
import type { UserCredentials } from '../../../state/credential/user-credentials.js';
import { parseBearerChallenge } from '../oauth/parse-challenge.js';
import type { UpstreamAuthorization } from '../oauth/upstream-authorization.js';
import type { UpstreamDiscovery } from '../oauth/upstream-discovery.js';
import type { UpstreamTokenSet } from '../oauth/upstream-token-set.js';
import type {
  CredentialHeaders,
  CredentialRefusal,
  CredentialSource,
  CredentialStrategy,
  SourcedCredential,
} from './credential-source.js';
import { connectLink, requirement } from './user-requirement.js';

/** A token that ends within this is renewed before it is sent (reference §5.6); one that lives shortly, in its second half. */
const RENEW_BEFORE_MS = 60_000;
/** After a provider failed, a token that is still good is used this long before it is asked again. */
const PAUSE_MS = 10_000;
const PAUSED_MAX = 10_000;

/** What this strategy asks of others. */
export interface UserTokenMeans {
  readonly credentials: Pick<UserCredentials, 'get' | 'forget'>;
  readonly renewals: Pick<CredentialRenewals, 'renew' | 'expire'>;
  readonly authorization: Pick<UpstreamAuthorization, 'refresh'>;
  readonly discovery: Pick<UpstreamDiscovery, 'find' | 'doubt'>;
  readonly now?: () => number;
}

/** A stored token set, read once. */
interface ReadTokens {
  readonly entry: ServerEntry;
  readonly set: Partial<UpstreamTokenSet> & Pick<UpstreamTokenSet, 'accessToken'>;
  readonly headers: CredentialHeaders;
}

/**
 * Interactive `oauth2`: the token that came with this very request (`ghu_…`), else the one its user keeps here. The stored one
 * is renewed when it is about to end, or when the server refuses it, by whichever replica needs it first and by no other. A
 * grant that is dead is marked so with the reason; its user is told where to connect again. Without a token nothing is sent.
 */
export class UserTokens implements CredentialStrategy {
  readonly #means: UserTokenMeans;
  readonly #now: () => number;
  readonly #read = new WeakMap<UserCredential, ReadTokens>();
  /** Until when a provider that failed is left alone, by what could not be renewed. */
  readonly #paused = new Map<string, number>();

  constructor(means: UserTokenMeans) {
    this.#means = means;
    this.#now = means.now ?? Date.now;
  }

  credentialFor(entry: ServerEntry, { caller }: ClientOffer): SourcedCredential {
    const brought = caller?.upstreamToken;
    if (brought?.serverId === entry.id) return this.#brought(entry, caller, brought.accessToken);
    const userId = caller?.userId;
    if (userId === undefined) return { identity: 'user:', source: nobody(entry, caller) };
    const source: CredentialSource = {
      headers: () => {
        const kept = this.#kept(entry, userId);
        if (!(kept instanceof Promise)) return this.#headers(entry, caller, kept);
        return kept.then((found) => this.#headers(entry, caller, found));
      },
      refused: (sent, refusal) => this.#refused(entry, caller, userId, sent, refusal),
    };
    return { identity: `user:${userId}`, userId, source };
  }

  /** The client holds the token itself: it is sent, and whoever refuses it is told to the client, who can renew it. */
  #brought(entry: ServerEntry, caller: OfferCaller | undefined, token: Secret): SourcedCredential {
    const headers: CredentialHeaders = Object.freeze({ [entry.tokenHeader]: `Bearer ${token.reveal()}` });
    const hash = createHash('sha256').update(token.reveal()).digest('base64url').slice(0, 22);
    return {
      identity: `token:${hash}`,
      source: {
        headers: () => headers,
        refused: (_sent, { status, wwwAuthenticate }) => {
          const scope = parseBearerChallenge(wwwAuthenticate)?.scope;
          if (status === 403) return Promise.reject(stepUp(entry, caller, scope));
          // Perhaps the server has changed its authorization server: whoever signs in again asks it anew.
          this.#means.discovery.doubt(entry);
          const reason = 'it does not accept the token that came with the request';
          return Promise.reject(loginRequired(entry, caller, reason));
        },
      },
    };
  }

  #kept(entry: ServerEntry, userId: string): UserCredential | undefined | Promise<UserCredential | undefined> {
    return this.#means.credentials.get({ userId, serverId: entry.id, kind: 'oauth' });
  }

  #headers(
    entry: ServerEntry,
    caller: OfferCaller | undefined,
    kept: UserCredential | undefined,
  ): CredentialHeaders | Promise<CredentialHeaders> {
    const found = this.#usable(entry, caller, kept);
    if (found instanceof GatewayError) return Promise.reject(found);
    const { kept: active, tokens } = found;
    const { expiresAt, renewedAt } = active;
    if (expiresAt === undefined) return tokens.headers;
    const renewBeforeMs = Math.min(RENEW_BEFORE_MS, (expiresAt - renewedAt) / 2);
    if (expiresAt - this.#now() > renewBeforeMs) return tokens.headers;
    return this.#renewBeforeEnd(entry, caller, active, tokens, expiresAt);
  }

  /** What is kept, if it may be sent there; else what its user must do. */
  #usable(
    entry: ServerEntry,
    caller: OfferCaller | undefined,
    kept: UserCredential | undefined,
  ): { readonly kept: UserCredential; readonly tokens: ReadTokens } | GatewayError {
    if (kept === undefined) return loginRequired(entry, caller, 'you have not connected to it yet');
    if (kept.status !== 'active') {
      return loginRequired(entry, caller, `connect to it again: ${kept.reason ?? 'your login has ended'}`);
    }
    if (kept.address !== credentialAddress(entry)) {
      return loginRequired(entry, caller, 'connect to it again: its address has changed since you did');
    }
    const tokens = this.#tokens(entry, kept);
    const unfit =
      tokens === undefined ? 'what is stored is no token' : tokenRefusal(validation(entry), tokens.set.accessToken);
    if (tokens === undefined || unfit !== undefined)
      return loginRequired(entry, caller, `connect to it again: ${unfit}`);
    return { kept, tokens };
  }

  async #renewBeforeEnd(
    entry: ServerEntry,
    caller: OfferCaller | undefined,
    kept: UserCredential,
    tokens: ReadTokens,
    expiresAt: number,
  ): Promise<CredentialHeaders> {
    const isStillGood = expiresAt > this.#now();
    if (isStillGood && (tokens.set.refreshToken === undefined || this.#isPaused(kept))) return tokens.headers;
    try {
      return await this.#renewed(entry, caller, kept);
    } catch (error) {
      if (!isStillGood || !isPassing(error)) throw error;
      this.#pause(kept);
      return tokens.headers;
    }
  }

  /** Headers of whatever stands in its place once it was renewed, here or elsewhere. */
  async #renewed(
    entry: ServerEntry,
    caller: OfferCaller | undefined,
    kept: UserCredential,
  ): Promise<CredentialHeaders> {
    const after = await this.#means.renewals.renew(kept, (current) => this.#obtain(entry, current));
    // Another replica may have renewed it, and its notice be still on the way.
    if (after?.revision !== kept.revision) this.#means.credentials.forget(kept.userId);
    const found = this.#usable(entry, caller, after);
    if (found instanceof GatewayError) throw found;
    return found.tokens.headers;
  }

  async #obtain(entry: ServerEntry, current: UserCredential): Promise<Renewal> {
    const tokens = this.#tokens(entry, current);
    if (tokens?.set.refreshToken === undefined) {
      return { kind: 'dead', reason: 'the token has ended, and there is none to renew it with' };
    }
    try {
      const fresh = await this.#means.authorization.refresh(entry, await this.#wholeSet(entry, tokens.set));
      const unfit = tokenRefusal(validation(entry), fresh.accessToken);
      if (unfit !== undefined) return { kind: 'dead', reason: unfit };
      return { kind: 'renewed', secret: new Secret(JSON.stringify(fresh)), expiresAt: fresh.expiresAt };
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'upstream/login_required') throw error;
      const reason = error.data?.['reason'];
      return { kind: 'dead', reason: typeof reason === 'string' ? reason : 'the login has ended' };
    }
  }

  /** A set that came by REST does not say who gave it: whoever gives tokens for the server now, to the client written there. */
  async #wholeSet(entry: ServerEntry, set: ReadTokens['set']): Promise<UpstreamTokenSet> {
    const { issuer, clientRef = 'configured' } = set;
    if (issuer !== undefined) return { ...set, issuer, clientRef };
    const { server } = await this.#means.discovery.find(entry, interactive(entry));
    return { ...set, issuer: server.issuer, clientRef };
  }

  async #refused(
    entry: ServerEntry,
    caller: OfferCaller | undefined,
    userId: string,
    sent: CredentialHeaders,
    refusal: CredentialRefusal,
  ): Promise<boolean> {
    const kept = await this.#kept(entry, userId);
    const found = this.#usable(entry, caller, kept);
    if (found instanceof GatewayError) throw found;
    if (refusal.status === 403) throw stepUp(entry, caller, parseBearerChallenge(refusal.wwwAuthenticate)?.scope);
    if (found.tokens.headers[entry.tokenHeader] !== sent[entry.tokenHeader]) return true;
    if (found.tokens.set.refreshToken === undefined) {
      this.#means.discovery.doubt(entry);
      await this.#means.renewals.expire(found.kept, 'the server does not accept the token any more');
      throw loginRequired(entry, caller, 'connect to it again: it does not accept your token any more');
    }
    const before = found.tokens.headers[entry.tokenHeader];
    const after = await this.#renewed(entry, caller, found.kept);
    return after[entry.tokenHeader] !== before;
  }

  #tokens(entry: ServerEntry, kept: UserCredential): ReadTokens | undefined {
    const known = this.#read.get(kept);
    if (known?.entry === entry) return known;
    const set = readTokens(kept.secret.reveal());
    if (set === undefined) return undefined;
    const tokens = { entry, set, headers: Object.freeze({ [entry.tokenHeader]: `Bearer ${set.accessToken}` }) };
    this.#read.set(kept, tokens);
    return tokens;
  }

  #isPaused({ userId, serverId }: UserCredential): boolean {
    return (this.#paused.get(JSON.stringify([userId, serverId])) ?? 0) > this.#now();
  }

  #pause({ userId, serverId }: UserCredential): void {
    if (this.#paused.size >= PAUSED_MAX) this.#paused.clear();
    this.#paused.set(JSON.stringify([userId, serverId]), this.#now() + PAUSE_MS);
  }
}

function nobody(entry: ServerEntry, caller: OfferCaller | undefined): CredentialSource {
  const why = 'it wants a login of each user, and the gateway key you call with belongs to no user';
  return {
    headers: () => Promise.reject(loginRequired(entry, caller, why)),
    refused: () => Promise.resolve(false),
  };
}

function loginRequired(entry: ServerEntry, caller: OfferCaller | undefined, reason: string): GatewayError {
  return requirement('upstream/login_required', entry, { reason, url: connectLink(entry, caller) });
}

/** The token lacks a scope: connecting again asks for it (2025-11-25, authorization, "Scope challenge handling"). */
function stepUp(entry: ServerEntry, caller: OfferCaller | undefined, scope: string | undefined): GatewayError {
  const reason =
    scope === undefined ? 'it wants more rights than you gave' : `it wants rights you have not given: ${scope}`;
  const query = scope === undefined ? '' : `?scope=${encodeURIComponent(scope)}`;
  return requirement('upstream/login_required', entry, {
    reason,
    url: `${connectLink(entry, caller)}${query}`,
    more: { ...(scope === undefined ? {} : { scope }), insufficient_scope: true },
  });
}

/** Whether asking again later may help. */
function isPassing(error: unknown): boolean {
  return !(error instanceof GatewayError) || error.code !== 'upstream/login_required';
}

function validation({ auth }: ServerEntry): unknown {
  return auth.type === 'oauth2' ? auth.tokenValidation : undefined;
}

function interactive({ auth }: ServerEntry): OAuth2Auth {
  if (auth.type !== 'oauth2') throw new GatewayError('internal/bug', { detail: 'not an OAuth2 server' });
  return auth;
}

function readTokens(text: string): ReadTokens['set'] | undefined {
  const set: unknown = text === '' ? undefined : JSON.parse(text);
  return isRecord(set) && typeof set['accessToken'] === 'string' ? (set as ReadTokens['set']) : undefined;
}
