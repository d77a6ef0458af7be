import { Secret } from '../../../core/model/secret.js';
import type { OAuthClient, ServerEntry } from '../../../core/model/server-entry.js';
import { PRODUCT } from '../../../core/protocol/product.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import type { AuthorizationServer } from './authorization-server.js';
import type { ClientIdentity } from './client-authentication.js';
import { parseObject, postForAnswer, textOf } from './oauth-json.js';
import { SignInProblem } from './sign-in-problem.js';
import { readRefusal } from './token-endpoint.js';
import type { Registration, UpstreamOAuthClientStore } from './upstream-oauth-client.store.js';

/** Where the gateway publishes what it is as a client (client-id metadata document), below its base address. */
export const CLIENT_DOCUMENT_PATH = '/.well-known/oauth-client';

/** The gateway as one authorization server knows it, and how to find it again. */
export interface ChosenClient {
  readonly identity: ClientIdentity;
  /** `configured`, `document:<address>` or `registered:<row>`: kept beside tokens. No secret. */
  readonly ref: string;
}

export interface ClientWish {
  readonly server: AuthorizationServer;
  readonly redirectUri: string;
  /** The gateway's address, no trailing slash. */
  readonly baseUrl: string;
  readonly scopes: readonly string[];
}

type AuthMethod = Registration['authMethod'];

/** Scopes of the server's that a registration names besides those that are asked for. */
const SCOPES_MAX = 100;

/** In order of preference. */
const AUTH_METHODS: readonly AuthMethod[] = ['client_secret_basic', 'client_secret_post', 'none'];

/**
 * Who the gateway is at an authorization server (protocol page §4): the client an administrator wrote; else the document it
 * publishes of itself, where that is read and the gateway is on https; else what it registers itself as, once for each server,
 * issuer and redirect.
 */
export class UpstreamClients {
  constructor(
    private readonly http: HttpClient,
    private readonly store: UpstreamOAuthClientStore,
  ) {}

  /** @throws SignInProblem, HttpFailure, GatewayError `database/unavailable`. */
  async choose(entry: ServerEntry, written: OAuthClient, wish: ClientWish): Promise<ChosenClient> {
    const configured = configuredClient(written, wish.server);
    if (configured !== undefined) return { identity: configured, ref: 'configured' };
    if (wish.server.readsClientDocuments && wish.baseUrl.startsWith('https://')) {
      const id = `${wish.baseUrl}${CLIENT_DOCUMENT_PATH}`;
      return { identity: publicClient(id), ref: `document:${id}` };
    }
    const { issuer } = wish.server;
    const key = { serverId: entry.id, issuer, redirectUri: wish.redirectUri };
    const stored = await this.store.findOrAdd(key, () => this.#register(wish));
    return { identity: registeredClient(stored), ref: `registered:${stored.id}` };
  }

  /** The client a token was given to; undefined when it is not ours any more. */
  async recall(written: OAuthClient, server: AuthorizationServer, ref: string): Promise<ClientIdentity | undefined> {
    if (ref === 'configured') return configuredClient(written, server);
    if (ref.startsWith('document:')) return publicClient(ref.slice('document:'.length));
    const stored = await this.store.findById(ref.slice('registered:'.length));
    return stored === undefined ? undefined : registeredClient(stored);
  }

  /** The authorization server does not know this client; one that the gateway registered itself is made anew next time. */
  async disown(ref: string): Promise<void> {
    if (ref.startsWith('registered:')) await this.store.remove(ref.slice('registered:'.length));
  }

  async #register({
    server,
    redirectUri,
    scopes,
  }: ClientWish): Promise<Registration & { expiresAt: Date | undefined }> {
    if (server.registration === undefined) {
      throw new SignInProblem('takes no registrations: it needs a client_id and client_secret');
    }
    const supported = server.tokenAuthMethods ?? ['client_secret_basic'];
    const asked = AUTH_METHODS.find((method) => supported.includes(method));
    if (asked === undefined) throw new SignInProblem('takes no way of authentication that this gateway knows');
    // A client that may ask for no more than it asks for first could never ask for a right that turns out to be missing.
    const mayAsk = [...new Set([...scopes, ...server.scopesSupported.slice(0, SCOPES_MAX)])];
    const response = await postForAnswer(this.http, server.registration, {
      client_name: PRODUCT.title,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: asked,
      application_type: redirectUri.startsWith('https:') ? 'web' : 'native',
      ...(mayAsk.length === 0 ? {} : { scope: mayAsk.join(' ') }),
    });
    const refusal = readRefusal(response);
    const record = response.status >= 200 && response.status < 300 ? parseObject(response.text) : undefined;
    const clientId = record === undefined ? undefined : textOf(record, 'client_id');
    if (refusal !== undefined || record === undefined || clientId === undefined) {
      const why = refusal?.message ?? `status ${response.status}`;
      throw new SignInProblem(`refused to register this gateway as a client (${why})`, { cause: refusal });
    }
    const clientSecret = textOf(record, 'client_secret');
    const given = textOf(record, 'token_endpoint_auth_method');
    const expires = record['client_secret_expires_at'];
    return {
      clientId,
      clientSecret,
      authMethod: AUTH_METHODS.find((method) => method === given) ?? (clientSecret === undefined ? 'none' : asked),
      expiresAt: typeof expires === 'number' && expires > 0 ? new Date(expires * 1_000) : undefined,
    };
  }
}

/** The client that is written in the definition; undefined when none is. */
export function configuredClient(written: OAuthClient, server: AuthorizationServer): ClientIdentity | undefined {
  if (written.id === undefined) return undefined;
  const { id, secret, privateKey, privateKeyId, signingAlg } = written;
  return { id, secret, authMethod: fittingMethod(written, server), privateKey, privateKeyId, signingAlg };
}

/** Post is what is written when nothing is; a server that says it takes only Basic gets that. */
function fittingMethod(
  { authMethod }: OAuthClient,
  { tokenAuthMethods }: AuthorizationServer,
): OAuthClient['authMethod'] {
  const takesPost = tokenAuthMethods?.includes('client_secret_post') ?? true;
  const takesBasic = tokenAuthMethods?.includes('client_secret_basic') ?? false;
  return authMethod === 'client_secret_post' && !takesPost && takesBasic ? 'client_secret_basic' : authMethod;
}

function publicClient(id: string): ClientIdentity {
  return { id, secret: undefined, authMethod: 'none' };
}

function registeredClient({ clientId, clientSecret, authMethod }: Registration): ClientIdentity {
  return { id: clientId, secret: clientSecret === undefined ? undefined : new Secret(clientSecret), authMethod };
}
