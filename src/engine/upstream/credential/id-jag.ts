import type { ClientOffer } from '../../../core/model/client-offer.js';
import type { Secret } from '../../../core/model/secret.js';
import type { IdJagAuth, ServerEntry } from '../../../core/model/server-entry.js';
import type { CredentialStrategy, SourcedCredential } from './credential-source.js';
import { SubjectTokens } from './subject-tokens.js';
import { unusableClient } from './token-failure.js';
import type { KeptToken } from './token-keeper.js';
import { findPlace, keptToken, requestToken, writtenPlace, type TokenMeans } from './token-source.js';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';

/**
 * `auth_type: oauth2_id_jag`: enterprise-managed authorization (protocol page §4). The company's identity provider turns
 * the caller's token into an identity assertion for the authorization server of the resource (ID-JAG), which turns that
 * into an access token (RFC 7523 §2.1). The caller's token travels to the identity provider and nowhere else.
 */
export class IdJag implements CredentialStrategy {
  readonly #tokens: SubjectTokens;

  constructor(private readonly means: TokenMeans) {
    this.#tokens = new SubjectTokens(
      () => means.http.sweep.now,
      (entry, subject) => this.#exchange(entry, subject),
    );
  }

  credentialFor(entry: ServerEntry, offer: ClientOffer): SourcedCredential {
    return this.#tokens.credentialFor(entry, offer);
  }

  async #exchange(entry: ServerEntry, subject: Secret): Promise<KeptToken> {
    const auth = authOf(entry);
    if (auth.endpoint === undefined) throw unusableClient(entry, 'it has no token_exchange_endpoint');
    const provider = writtenPlace(auth.endpoint, auth);
    const resource = await findPlace(this.means, entry, auth.resourceTokenEndpoint, auth);
    const audience = auth.audience ?? resource.issuer ?? new URL(resource.endpoint.address.url).origin;

    const asked = new URLSearchParams({
      grant_type: TOKEN_EXCHANGE,
      requested_token_type: ID_JAG,
      audience,
      subject_token: subject.reveal(),
      subject_token_type: auth.subjectTokenType,
    });
    if (auth.resource !== undefined) asked.set('resource', auth.resource);
    if (resource.scopes.length > 0) asked.set('scope', resource.scopes.join(' '));
    const assertion = await requestToken(this.means, entry, provider, auth.client, asked);
    if (assertion.issuedTokenType !== ID_JAG) {
      throw unusableClient(entry, 'its identity provider gave something else than an ID-JAG');
    }

    const grant = new URLSearchParams({ grant_type: JWT_BEARER, assertion: assertion.accessToken });
    if (resource.scopes.length > 0) grant.set('scope', resource.scopes.join(' '));
    const endpoint = { ...resource.endpoint, audience };
    return keptToken(entry, await requestToken(this.means, entry, { ...resource, endpoint }, auth.client, grant));
  }
}

function authOf({ auth }: ServerEntry): IdJagAuth {
  if (auth.type !== 'oauth2_id_jag') throw new TypeError(`an ID-JAG for auth_type ${auth.type}`);
  return auth;
}
