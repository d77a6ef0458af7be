import { dependsOnCaller } from '../../../core/access/depends-on-caller.js';
import type { ClientOffer } from '../../../core/model/client-offer.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { ResolvedCredential } from '../upstream.js';
import { upstreamError } from '../upstream-error.js';
import { CombinedSource } from './combined-source.js';
import type { CredentialStrategy, SourcedCredential } from './credential-source.js';

/** A strategy for something that goes along with the credential, whoever brings that. */
export interface CredentialAddition extends CredentialStrategy {
  appliesTo(entry: ServerEntry): boolean;
}

/** The ways to credentials that are not written in a definition. Absent: servers that need it fail closed. */
export interface CredentialStrategies {
  /** `oauth2` for the gateway itself. */
  readonly clientCredentials?: CredentialStrategy;
  /** `oauth2` for each user. */
  readonly userToken?: CredentialStrategy;
  readonly tokenExchange?: CredentialStrategy;
  readonly idJag?: CredentialStrategy;
  readonly sigV4?: CredentialStrategy;
  /** `is_byok`. */
  readonly userKey?: CredentialStrategy;
  readonly additions?: readonly CredentialAddition[];
}

/** Brings to a resolved credential what its definition does not hold. */
export class CredentialSources {
  readonly #strategies: CredentialStrategies;
  /** By what it was attached to; for credentials that do not depend on the caller. */
  readonly #shared = new WeakMap<ResolvedCredential, ResolvedCredential>();

  constructor(strategies: CredentialStrategies) {
    this.#strategies = strategies;
  }

  /** Takes a credential that lacks something. Pure for `shared` ones, cheap for all. */
  attach(entry: ServerEntry, offer: ClientOffer, resolved: ResolvedCredential): ResolvedCredential {
    const known = this.#shared.get(resolved);
    if (known !== undefined) return known;
    const parts = this.#parts(entry, offer, resolved);
    const own = parts.map(({ identity }) => identity).filter((identity) => identity !== 'shared');
    if (own.length > 0 && resolved.identity !== 'shared') own.unshift(resolved.identity);
    const attached: ResolvedCredential = {
      headers: resolved.headers,
      env: resolved.env,
      identity: own.length === 0 ? resolved.identity : own.join('|'),
      userId: parts.find(({ userId }) => userId !== undefined)?.userId,
      ...(parts.length === 0 ? {} : { source: CombinedSource.of(parts, entry.staticHeaders) }),
    };
    // Somebody else may come with something that this one lacks: `shared` is what this caller gets, not what all do.
    const isCredentialAlone = resolved.lacks === 'credential' && parts.length === 1;
    const isForAll = isCredentialAlone && !dependsOnCaller(entry) && resolved.identity === 'shared';
    if (own.length === 0 && isForAll) this.#shared.set(resolved, attached);
    return attached;
  }

  #parts(entry: ServerEntry, offer: ClientOffer, { lacks }: ResolvedCredential): readonly SourcedCredential[] {
    const parts: SourcedCredential[] = [];
    if (lacks === 'credential') parts.push((this.#strategyOf(entry) ?? MISSING).credentialFor(entry, offer));
    for (const addition of this.#strategies.additions ?? []) {
      if (addition.appliesTo(entry)) parts.push(addition.credentialFor(entry, offer));
    }
    return parts;
  }

  #strategyOf({ auth, byok }: ServerEntry): CredentialStrategy | undefined {
    const strategies = this.#strategies;
    if (byok) return strategies.userKey;
    switch (auth.type) {
      case 'oauth2':
        return auth.flow === 'client_credentials' ? strategies.clientCredentials : strategies.userToken;
      case 'oauth2_token_exchange':
        return strategies.tokenExchange;
      case 'oauth2_id_jag':
        return strategies.idJag;
      case 'aws_sigv4':
        return strategies.sigV4;
      default:
        return undefined;
    }
  }
}

/** Whether something must be found out before this server is sent its credential. */
export function lacksCredential({ auth, endpoint, byok }: ServerEntry): boolean {
  // A child process is told nothing but its environment.
  if (endpoint.kind === 'stdio') return false;
  if (byok) return true;
  if (auth.type === 'oauth2') return auth.value === undefined;
  return auth.type === 'oauth2_token_exchange' || auth.type === 'oauth2_id_jag' || auth.type === 'aws_sigv4';
}

/** Whether values of each user go along with the credential. */
export function hasUserVariables({ perUserEnv, headerVariables }: ServerEntry): boolean {
  return perUserEnv.length > 0 || headerVariables.length > 0;
}

/** Whether anything goes along with the credential, whoever brings that. */
export function takesAdditions(entry: ServerEntry): boolean {
  return hasUserVariables(entry) || entry.identityHeader !== undefined;
}

/** Fails closed: a server that was not set aside, though nobody knows how to get its credential. */
const MISSING: CredentialStrategy = {
  credentialFor: (entry) => ({
    identity: 'shared',
    source: {
      headers: () => Promise.reject(upstreamError('upstream/token_failed', entry, 'its credential cannot be had')),
      refused: () => Promise.resolve(false),
    },
  }),
};
