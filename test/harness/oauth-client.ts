import type { OAuthClientProvider as ProviderV1, OAuthDiscoveryState } from '@modelcontextprotocol/sdk/client/auth.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';

export interface OauthClientOptions {
  /** Default `http://127.0.0.1:9/callback`: nobody listens; the test's browser stops there. */
  readonly redirectUrl?: string;
  /** A client id (and secret) known beforehand. */
  readonly stored?: OAuthClientInformationMixed;
  /** Of a client-id metadata document. */
  readonly clientMetadataUrl?: string;
  readonly clientName?: string;
  readonly scope?: string;
  readonly tokenEndpointAuthMethod?: string;
}

/** What an MCP client keeps for its OAuth flow (`OAuthClientProvider` of SDK v1 and v2), in memory. */
export class OauthClient implements ProviderV1 {
  readonly redirectUrl: string;
  readonly clientMetadataUrl?: string;
  /** Set by the flow when a browser is needed. */
  authorizationUrl: URL | undefined;
  client: OAuthClientInformationMixed | undefined;
  saved: OAuthTokens | undefined;
  /** Every token set that was saved, the newest last. */
  readonly history: OAuthTokens[] = [];
  #verifier = '';
  #discovered: OAuthDiscoveryState | undefined;
  readonly #options: OauthClientOptions;

  constructor(options: OauthClientOptions = {}) {
    this.#options = options;
    this.redirectUrl = options.redirectUrl ?? 'http://127.0.0.1:9/callback';
    if (options.clientMetadataUrl !== undefined) this.clientMetadataUrl = options.clientMetadataUrl;
    this.client = options.stored;
  }

  get clientMetadata(): OAuthClientMetadata {
    const { clientName, scope, tokenEndpointAuthMethod } = this.#options;
    return {
      client_name: clientName ?? 'test client',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: tokenEndpointAuthMethod ?? 'none',
      ...(scope === undefined ? {} : { scope }),
    };
  }

  state(): string {
    return 'state of the client';
  }

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.client;
  }

  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.client = client;
  }

  tokens(): OAuthTokens | undefined {
    return this.saved;
  }

  saveTokens(tokens: OAuthTokens): void {
    this.saved = tokens;
    this.history.push(tokens);
  }

  redirectToAuthorization(url: URL): void {
    this.authorizationUrl = url;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovered = state;
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovered;
  }

  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (scope === 'all' || scope === 'tokens') this.saved = undefined;
    if (scope === 'all' || scope === 'client') this.client = this.#options.stored;
    if (scope === 'all' || scope === 'discovery') this.#discovered = undefined;
  }

  /** The address of the browser, once the flow asked for one. */
  takeAuthorizationUrl(): URL {
    const url = this.authorizationUrl;
    if (url === undefined) throw new Error('The client was not sent to an authorization server');
    this.authorizationUrl = undefined;
    return url;
  }
}
