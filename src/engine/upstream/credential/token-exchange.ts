import type { ClientOffer } from '../../../core/model/client-offer.js';
import type { Secret } from '../../../core/model/secret.js';
import type { ServerEntry, TokenExchangeAuth } from '../../../core/model/server-entry.js';
import type { CredentialStrategy, SourcedCredential } from './credential-source.js';
import { SubjectTokens } from './subject-tokens.js';
import { unusableClient } from './token-failure.js';
import type { KeptToken } from './token-keeper.js';
import { keptToken, requestToken, writtenPlace, type TokenMeans } from './token-source.js';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/**
 * `auth_type: oauth2_token_exchange`: the caller's own token is exchanged for one of the server, by RFC 8693 or in the
 * on-behalf-of form of Microsoft Entra. It travels to the exchange endpoint and nowhere else.
 */
export class TokenExchange implements CredentialStrategy {
  readonly #tokens: SubjectTokens;

  constructor(
    private readonly means: TokenMeans,
    /** For callers without a token, where the definition says so. */
    private readonly clientCredentials: CredentialStrategy,
  ) {
    this.#tokens = new SubjectTokens(
      () => means.http.sweep.now,
      (entry, subject) => this.#exchange(entry, subject),
    );
  }

  credentialFor(entry: ServerEntry, offer: ClientOffer): SourcedCredential {
    const isAlone = offer.caller?.subjectToken === undefined;
    return isAlone && authOf(entry).withoutSubject === 'client_credentials'
      ? this.clientCredentials.credentialFor(entry, offer)
      : this.#tokens.credentialFor(entry, offer);
  }

  async #exchange(entry: ServerEntry, subject: Secret): Promise<KeptToken> {
    const auth = authOf(entry);
    // Never found out: the token lets its bearer in here, and whoever the server names would have it.
    if (auth.endpoint === undefined) throw unusableClient(entry, 'it has no token_exchange_endpoint');
    const place = writtenPlace(auth.endpoint, auth);
    const form = exchangeForm(auth, subject, place);
    return keptToken(entry, await requestToken(this.means, entry, place, auth.client, form));
  }
}

/** What is asked of the exchange endpoint, without the client's proof of itself. */
export function exchangeForm(
  { profile, subjectTokenType, audience }: TokenExchangeAuth,
  subject: Secret,
  asked: { readonly scopes: readonly string[]; readonly resource: string | undefined },
): URLSearchParams {
  const form = new URLSearchParams();
  if (profile === 'entra_obo') {
    form.set('grant_type', JWT_BEARER);
    form.set('assertion', subject.reveal());
    form.set('requested_token_use', 'on_behalf_of');
    const scope = asked.scopes.length > 0 ? asked.scopes.join(' ') : audience && `${audience}/.default`;
    if (scope !== undefined && scope !== '') form.set('scope', scope);
  } else {
    form.set('grant_type', TOKEN_EXCHANGE);
    form.set('subject_token', subject.reveal());
    form.set('subject_token_type', subjectTokenType);
    if (audience !== undefined) form.set('audience', audience);
    if (asked.scopes.length > 0) form.set('scope', asked.scopes.join(' '));
  }
  if (asked.resource !== undefined) form.set('resource', asked.resource);
  return form;
}

function authOf({ auth }: ServerEntry): TokenExchangeAuth {
  if (auth.type !== 'oauth2_token_exchange') throw new TypeError(`a token exchange for auth_type ${auth.type}`);
  return auth;
}
