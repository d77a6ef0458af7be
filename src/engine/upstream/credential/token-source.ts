import { Secret } from '../../../core/model/secret.js';
import type { OAuthClient, ServerEntry } from '../../../core/model/server-entry.js';
import { isHeaderValue } from '../../../core/definition/settable-header.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import type { ClientIdentity } from '../oauth/client-authentication.js';
import { writtenAddress } from '../oauth/learnt-address.js';
import { requestTokens, type TokenEndpoint, type TokenReply } from '../oauth/token-endpoint.js';
import type { UpstreamDiscovery } from '../oauth/upstream-discovery.js';
import type { CredentialHeaders } from './credential-source.js';
import { tokenFailure, unusableClient } from './token-failure.js';
import type { KeptToken } from './token-keeper.js';

/** What asking for tokens takes. */
export interface TokenMeans {
  readonly http: HttpClient;
  readonly discovery: Pick<UpstreamDiscovery, 'find'>;
}

/** Whom to ask for tokens of a server, and what is known of it. */
export interface TokenPlace {
  readonly endpoint: TokenEndpoint;
  /** Exactly as it calls itself; undefined: only its endpoint was written. */
  readonly issuer: string | undefined;
  /** What to ask for when nobody wrote it. */
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  /** Ways to authenticate that it names; undefined: it does not say. */
  readonly authMethods: readonly string[] | undefined;
}

/** The endpoint that an administrator wrote. */
export function writtenPlace(url: string, asked: Pick<TokenPlace, 'scopes' | 'resource'>): TokenPlace {
  return {
    endpoint: { address: writtenAddress(url), audience: url },
    issuer: undefined,
    scopes: asked.scopes,
    resource: asked.resource,
    authMethods: undefined,
  };
}

/** The endpoint that was written, or else that of the authorization server which the MCP server itself names. */
export async function findPlace(
  { discovery }: TokenMeans,
  entry: ServerEntry,
  endpoint: string | undefined,
  asked: Pick<TokenPlace, 'scopes' | 'resource'>,
): Promise<TokenPlace> {
  if (endpoint !== undefined) return writtenPlace(endpoint, asked);
  const { scopes, resource } = asked;
  const written = { authorizationUrl: undefined, tokenUrl: undefined, registrationUrl: undefined, scopes, resource };
  try {
    const found = await discovery.find(entry, written);
    const { token, issuer, tokenAuthMethods } = found.server;
    if (token === undefined) throw unusableClient(entry, 'its authorization server names no token endpoint');
    return {
      endpoint: { address: token, audience: issuer },
      issuer,
      scopes: scopes.length > 0 ? scopes : found.scopes,
      resource: found.resource,
      authMethods: tokenAuthMethods,
    };
  } catch (error) {
    throw tokenFailure(entry, undefined, error, []);
  }
}

/** Asks for a token; failures in the words of {@link tokenFailure}. */
export async function requestToken(
  { http }: TokenMeans,
  entry: ServerEntry,
  place: TokenPlace,
  client: OAuthClient,
  form: URLSearchParams,
): Promise<TokenReply> {
  const { url } = place.endpoint.address;
  try {
    const reply = await requestTokens(http, place.endpoint, identityOf(entry, client, place), form);
    if (!isHeaderValue(reply.accessToken)) throw unusableClient(entry, 'the token it was given cannot be sent');
    return reply;
  } catch (error) {
    throw tokenFailure(entry, url, error, secretsOf(client, form));
  }
}

/** A token as the server wants it, and how long it is good. */
export function keptToken(entry: ServerEntry, { accessToken, expiresIn }: TokenReply): KeptToken {
  return {
    headers: tokenHeaders(entry, accessToken),
    lifetimeMs: expiresIn === undefined ? undefined : expiresIn * 1_000,
  };
}

/** A token as the server wants it. */
export function tokenHeaders({ tokenHeader }: ServerEntry, accessToken: string): CredentialHeaders {
  return { [tokenHeader]: `Bearer ${accessToken}` };
}

/** What was sent and may not come back in an error. */
function secretsOf(client: OAuthClient, form: URLSearchParams): readonly Secret[] {
  const sent = ['subject_token', 'assertion'].flatMap((name) => form.get(name) ?? []);
  return [...(client.secret === undefined ? [] : [client.secret]), ...sent.map((text) => new Secret(text))];
}

function identityOf(entry: ServerEntry, client: OAuthClient, { authMethods }: TokenPlace): ClientIdentity {
  const { id, secret, privateKey, privateKeyId, signingAlg } = client;
  if (id === undefined) throw unusableClient(entry, 'it has no client_id');
  return { id, secret, authMethod: methodFor(client, authMethods), privateKey, privateKeyId, signingAlg };
}

/** A secret goes into the body, unless the server says that it only takes it in a header. */
function methodFor({ authMethod }: OAuthClient, offered: readonly string[] | undefined): OAuthClient['authMethod'] {
  if (offered === undefined || offered.includes(authMethod)) return authMethod;
  if (authMethod === 'client_secret_post' && offered.includes('client_secret_basic')) return 'client_secret_basic';
  if (authMethod === 'client_secret_basic' && offered.includes('client_secret_post')) return 'client_secret_post';
  return authMethod;
}
