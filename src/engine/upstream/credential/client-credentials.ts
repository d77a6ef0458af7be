import type { OAuthClient, ServerEntry } from '../../../core/model/server-entry.js';
import { Secret } from '../../../core/model/secret.js';
import type { RegistryService } from '../../../state/registry/registry.service.js';
import type { SharedUpstreamTokens } from '../../../state/upstream-token/shared-upstream-tokens.js';
import type { StoredUpstreamToken } from '../../../state/upstream-token/upstream-tokens.store.js';
import type { CredentialHeaders, CredentialStrategy, SourcedCredential } from './credential-source.js';
import { TokenKeeper, type KeptToken } from './token-keeper.js';
import { findPlace, requestToken, tokenHeaders, type TokenMeans } from './token-source.js';

export interface ClientCredentialsMeans extends TokenMeans {
  /** Tokens of registered servers are shared with the other replicas. */
  readonly shared: Pick<SharedUpstreamTokens, 'get'>;
  readonly registry: Pick<RegistryService, 'current'>;
}

/** What is asked for, whichever `auth_type` asks. */
interface Grant {
  readonly client: OAuthClient;
  readonly tokenUrl: string | undefined;
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
}

/** Left of a shared token's life when it is taken over, at least. */
const SHARED_LIFE_MS_MIN = 5_000;
/** A token without an end, as the others see it. */
const UNKNOWN_LIFE_MS = 3_660_000;

/**
 * OAuth client credentials (RFC 6749 §4.4; contract §11; the protocol's `oauth-client-credentials` extension): a token of
 * the gateway itself, for all callers. One per definition of a server.
 */
export class ClientCredentials implements CredentialStrategy {
  readonly #known = new WeakMap<ServerEntry, SourcedCredential>();

  constructor(private readonly means: ClientCredentialsMeans) {}

  credentialFor(entry: ServerEntry): SourcedCredential {
    const known = this.#known.get(entry);
    if (known !== undefined) return known;
    const { http } = this.means;
    const source = new TokenKeeper({ now: () => http.sweep.now, fetch: (useless) => this.#fetch(entry, useless) });
    const made = { identity: 'shared', source };
    this.#known.set(entry, made);
    return made;
  }

  async #fetch(entry: ServerEntry, useless: CredentialHeaders | undefined): Promise<KeptToken> {
    const isRegistered = this.means.registry.current.byId.get(entry.id) === entry;
    const token = isRegistered
      ? await this.means.shared.get(
          { fingerprint: entry.fingerprint, serverId: entry.id },
          tokenOf(entry, useless),
          Date.now() + SHARED_LIFE_MS_MIN,
          () => this.#ask(entry),
        )
      : await this.#ask(entry);
    return {
      headers: tokenHeaders(entry, token.accessToken.reveal()),
      lifetimeMs: token.expiresAt - Date.now(),
    };
  }

  async #ask(entry: ServerEntry): Promise<StoredUpstreamToken> {
    const grant = grantOf(entry);
    const place = await findPlace(this.means, entry, grant.tokenUrl, grant);
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (place.scopes.length > 0) form.set('scope', place.scopes.join(' '));
    if (place.resource !== undefined) form.set('resource', place.resource);
    const { accessToken, expiresIn } = await requestToken(this.means, entry, place, grant.client, form);
    const lifeMs = expiresIn === undefined ? UNKNOWN_LIFE_MS : expiresIn * 1_000;
    return { accessToken: new Secret(accessToken), expiresAt: Date.now() + lifeMs };
  }
}

function grantOf({ auth }: ServerEntry): Grant {
  switch (auth.type) {
    case 'oauth2':
      return auth;
    case 'oauth2_token_exchange':
      return { client: auth.client, tokenUrl: auth.endpoint, scopes: auth.scopes, resource: auth.resource };
    default:
      throw new TypeError(`client credentials for auth_type ${auth.type}`);
  }
}

function tokenOf({ tokenHeader }: ServerEntry, headers: CredentialHeaders | undefined): Secret | undefined {
  const value = headers?.[tokenHeader];
  return value === undefined ? undefined : new Secret(value.replace(/^Bearer /, ''));
}
