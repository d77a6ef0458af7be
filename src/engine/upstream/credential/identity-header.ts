import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ClientOffer, OfferCaller } from '../../../core/model/client-offer.js';
import { IDENTITY_HEADER, type IdentityHeader } from '../../../core/model/identity-header.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { IdentitySettings } from '../../../platform/config/identity-settings.js';
import { SIGNING_ALGORITHM } from '../../../state/signing/signing-key.js';
import type { SigningKeys } from '../../../state/signing/signing-keys.js';
import { upstreamError } from '../upstream-error.js';
import type { CredentialHeaders, CredentialSource, SourcedCredential } from './credential-source.js';
import type { CredentialAddition } from './credential-sources.js';

/** Who lists and looks after servers on nobody's behalf. */
const GATEWAY = 'gatehouse';
const SCOPE = 'mcp:tools/list mcp:tools/call';
/** Tokens kept; about a kilobyte each. */
const TOKENS_MAX = 10_000;
/** After this part of its life a token is replaced in the background; in the last part it is not used any more. */
const REPLACE_AT = 0.6;
const UNUSABLE_AT = 0.9;
/** Clocks that are behind. */
const NOT_BEFORE_SECONDS = 5;

interface Token {
  readonly entry: ServerEntry;
  /** Of the keys. */
  readonly version: number;
  readonly headers: CredentialHeaders;
  readonly signedAt: number;
}

export interface IdentityHeaderOptions {
  readonly keys: Pick<SigningKeys, 'active' | 'version'>;
  readonly settings: Pick<IdentitySettings, 'issuer' | 'ttlMs'>;
  /** Where the gateway is known, when that is configured; else what the caller calls it. */
  readonly baseUrl: string | undefined;
  readonly now?: () => number;
}

/**
 * Tells a server who calls, in a short-lived JWT (RS256) that it checks against `/.well-known/jwks.json`: for whom (`sub`,
 * `email`, `team`, `org`), by which credential (`act`), for this server alone (`aud`). Without it nothing is sent. Signed
 * once for a caller and server, and again before it ends.
 */
export class IdentityHeaders implements CredentialAddition {
  readonly #options: Required<IdentityHeaderOptions>;
  readonly #tokens = new Map<string, Token>();
  readonly #pending = new Map<string, Promise<CredentialHeaders>>();

  constructor(options: IdentityHeaderOptions) {
    this.#options = { now: Date.now, ...options };
  }

  appliesTo({ identityHeader, endpoint }: ServerEntry): boolean {
    return identityHeader !== undefined && endpoint.kind === 'http';
  }

  credentialFor(entry: ServerEntry, offer: ClientOffer): SourcedCredential {
    const { identityHeader } = entry;
    if (identityHeader === undefined) throw new TypeError('not a server that is told who calls');
    const { caller } = offer;
    const header = bringsAuthorization(entry, offer, identityHeader) ? IDENTITY_HEADER : identityHeader.header;
    const key = keyOf(entry, header, caller);
    const source: CredentialSource = {
      headers: () => this.#headers(key, entry, { ...identityHeader, header }, caller),
      refused: () => Promise.resolve(false),
    };
    return { identity: caller === undefined ? 'shared' : `caller:${caller.principalId}`, source };
  }

  #headers(
    key: string,
    entry: ServerEntry,
    wanted: IdentityHeader,
    caller: OfferCaller | undefined,
  ): CredentialHeaders | Promise<CredentialHeaders> {
    const token = this.#tokens.get(key);
    if (token?.entry === entry && token.version === this.#options.keys.version) {
      const age = (this.#options.now() - token.signedAt) / this.#options.settings.ttlMs;
      if (age < REPLACE_AT) return token.headers;
      if (age < UNUSABLE_AT) {
        this.#sign(key, entry, wanted, caller).catch(() => {
          // The present one goes on serving; whoever comes after its time is told.
        });
        return token.headers;
      }
    }
    return this.#sign(key, entry, wanted, caller);
  }

  #sign(
    key: string,
    entry: ServerEntry,
    wanted: IdentityHeader,
    caller: OfferCaller | undefined,
  ): Promise<CredentialHeaders> {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const signing = this.#signed(entry, wanted, caller)
      .then((token) => {
        this.#keep(key, token);
        return token.headers;
      })
      .finally(() => this.#pending.delete(key));
    this.#pending.set(key, signing);
    return signing;
  }

  async #signed(entry: ServerEntry, wanted: IdentityHeader, caller: OfferCaller | undefined): Promise<Token> {
    const { keys, settings, baseUrl, now } = this.#options;
    const { version } = keys;
    const signedAt = now();
    const seconds = Math.floor(signedAt / 1_000);
    const subject = caller?.userId ?? caller?.principalId ?? GATEWAY;
    try {
      const { id, key } = await keys.active();
      const jwt = await new SignJWT({
        scope: SCOPE,
        ...(caller === undefined || caller.principalId === subject ? {} : { act: { sub: caller.principalId } }),
        ...(caller?.email === undefined ? {} : { email: caller.email }),
        ...(caller?.teamId === undefined ? {} : { team: caller.teamId }),
        ...(caller?.organizationId === undefined ? {} : { org: caller.organizationId }),
        ...(caller?.endUserId === undefined ? {} : { end_user: caller.endUserId }),
      })
        .setProtectedHeader({ alg: SIGNING_ALGORITHM, kid: id, typ: 'JWT' })
        .setIssuer(settings.issuer ?? baseUrl ?? caller?.baseUrl ?? GATEWAY)
        .setAudience(wanted.audience)
        .setSubject(subject)
        .setIssuedAt(seconds)
        .setNotBefore(seconds - NOT_BEFORE_SECONDS)
        .setExpirationTime(seconds + Math.floor(settings.ttlMs / 1_000))
        .setJti(randomUUID())
        .sign(key);
      const value = wanted.header === 'authorization' ? `Bearer ${jwt}` : jwt;
      return { entry, version, headers: { [wanted.header]: value }, signedAt };
    } catch (error) {
      throw upstreamError('upstream/token_failed', entry, 'who calls cannot be signed', error);
    }
  }

  #keep(key: string, token: Token): void {
    this.#tokens.delete(key);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size >= TOKENS_MAX && oldest !== undefined) this.#tokens.delete(oldest);
    this.#tokens.set(key, token);
  }
}

/** Two tokens in one header would be one too many: the client's own is meant for the server. */
function bringsAuthorization(entry: ServerEntry, offer: ClientOffer, { header }: IdentityHeader): boolean {
  if (header !== 'authorization') return false;
  if (offer.shared !== undefined) return true;
  const own = offer.perServer.get(entry.id);
  return own !== undefined && Object.keys(own).some((name) => name.toLowerCase() === 'authorization');
}

/** Everything of a caller that stands in the token, so that another team or address is another token. */
function keyOf({ id }: ServerEntry, header: string, caller: OfferCaller | undefined): string {
  if (caller === undefined) return `${id}\n${header}`;
  const { principalId, userId, email, teamId, organizationId, endUserId, baseUrl } = caller;
  return [id, header, principalId, userId, email, teamId, organizationId, endUserId, baseUrl].join('\n');
}
