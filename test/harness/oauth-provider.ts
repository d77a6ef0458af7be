import { createServer, IncomingMessage, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider, type ClientMetadata, type Configuration } from 'oidc-provider';
import { listen } from './listen.js';
import { memoryAdapters } from './oauth-provider-memory.js';

/** One request as it reached the authorization server. Bodies of forms and JSON as text. */
export interface ProviderRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What an access token of this provider is good for. */
export interface ProviderToken {
  readonly user: string | undefined;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly audiences: readonly string[];
}

export interface OauthProviderOptions {
  /** Listen here: "it was restarted". */
  readonly port?: number;
  /** Path of the issuer, e.g. `/tenant`; the provider answers below it. Default: none. */
  readonly issuerPath?: string;
  /** Dynamic client registration. Default true. */
  readonly registration?: boolean;
  /** Client-id metadata documents, fetched by this function; absent: not supported. */
  readonly fetchClientDocument?: (url: string) => Promise<Response>;
  readonly clients?: readonly ClientMetadata[];
  /** Scopes of protected resources. Default `mcp:read`, `mcp:write`. */
  readonly resourceScopes?: readonly string[];
  /** Default 3600. */
  readonly accessTokenSeconds?: number;
  /** Who is logged in without being asked; null shows a page with a form (`user`, button) instead. Default `alice`. */
  readonly user?: string | null;
}

/** A real authorization server (oidc-provider) on loopback, with a log of what it was asked. */
export interface OauthProvider {
  readonly origin: string;
  readonly port: number;
  readonly issuer: string;
  readonly provider: Provider;
  readonly requests: readonly ProviderRequest[];
  /** Requests whose path ends so: `/token`, `/reg`, `/auth`, `/token/revocation`. */
  seen(pathEnd: string): readonly ProviderRequest[];
  /** Everything that arrived, as one text: for canary searches. */
  transcript(): string;
  clearLog(): void;
  /** Who logs in from now on. */
  setUser(user: string | null): void;
  /** Undefined for a token that is not valid (any more). */
  lookUp(accessToken: string): Promise<ProviderToken | undefined>;
  /** Ends every grant: access and refresh tokens are good for nothing from now on. */
  revokeAll(): void;
  /** Ends every access token and leaves the refresh tokens alone. */
  expireAccessTokens(): void;
  close(): Promise<void>;
}

/**
 * Starts it. PKCE S256 is required, a `resource` is needed for a token with an audience, refresh tokens rotate and are
 * given to whoever may use that grant, access tokens are opaque, consent is given by logging in. Endpoints: `/auth`,
 * `/token`, `/reg`, `/token/revocation`, `/jwks`.
 */
export async function oauthProvider(options: OauthProviderOptions = {}): Promise<OauthProvider> {
  const requests: ProviderRequest[] = [];
  const memory = memoryAdapters();
  // Not by its configuration, which it copies with `structuredClone`: in jest that gives objects of another realm.
  for (const client of options.clients ?? []) memory.seed('Client', client.client_id, { ...client });
  let user = options.user === undefined ? 'alice' : options.user;
  let handle: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
    response.writeHead(503).end();
  };
  const server = createServer((request, response) => handle(request, response));
  const { origin, port, close } = await listen(server, options.port);
  const mount = options.issuerPath ?? '';
  const issuer = `${origin}${mount}`;
  const provider = new Provider(issuer, await configuration(options, memory.adapter, () => user));
  provider.proxy = false;
  const callback = provider.callback();

  const interact = async (request: IncomingMessage, response: ServerResponse, form: URLSearchParams) => {
    const { prompt } = await provider.interactionDetails(request, response);
    const chosen = form.get('user') ?? user;
    if (prompt.name === 'login' && chosen === null) {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(
        '<!doctype html><title>Sign in</title><form method="post"><label>User <input name="user"></label>' +
          '<button type="submit">Sign in</button></form>',
      );
      return;
    }
    const result = prompt.name === 'login' ? { login: { accountId: chosen ?? '' } } : { consent: {} };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  };

  handle = (request, response) => {
    void readText(request).then((body) => {
      const url = new URL(request.url ?? '/', origin);
      const { pathname: path, searchParams: query } = url;
      requests.push({ method: request.method ?? '', path, query, headers: request.headers, body });
      if (path.startsWith(`${mount}/interaction/`)) {
        interact(request, response, new URLSearchParams(body)).catch(() => response.writeHead(400).end());
        return;
      }
      const wellKnown = /^\/\.well-known\/(oauth-authorization-server|openid-configuration)(\/.*)$/.exec(path);
      const below = wellKnown?.[2] === mount ? `/.well-known/${wellKnown[1]}` : path.slice(mount.length);
      if (wellKnown?.[2] !== mount && !path.startsWith(mount)) return void response.writeHead(404).end();
      void callback(unread(request, body, mount, `${below}${url.search}`), response);
    });
  };

  return {
    origin,
    port,
    issuer,
    provider,
    requests,
    seen: (pathEnd) => requests.filter(({ path }) => path.endsWith(pathEnd)),
    transcript: () => requests.map((seen) => JSON.stringify({ ...seen, query: seen.query.toString() })).join('\n'),
    clearLog: () => void requests.splice(0),
    setUser: (next) => void (user = next),
    async lookUp(accessToken) {
      const token =
        (await provider.AccessToken.find(accessToken)) ?? (await provider.ClientCredentials.find(accessToken));
      if (token === undefined || token.isExpired) return undefined;
      return {
        user: 'accountId' in token ? token.accountId : undefined,
        clientId: token.clientId ?? '',
        scopes: token.scope?.split(' ') ?? [],
        audiences: token.aud === undefined ? [] : [token.aud].flat(),
      };
    },
    revokeAll: () => memory.clear('AccessToken', 'RefreshToken', 'Grant', 'ClientCredentials'),
    expireAccessTokens: () => memory.clear('AccessToken', 'ClientCredentials'),
    close,
  };
}

async function configuration(
  options: OauthProviderOptions,
  adapter: NonNullable<Configuration['adapter']>,
  user: () => string | null,
): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const scope = (options.resourceScopes ?? ['mcp:read', 'mcp:write']).join(' ');
  const fetchDocument = options.fetchClientDocument;
  const seconds = options.accessTokenSeconds ?? 3_600;
  return {
    adapter,
    jwks: { keys: [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: 'provider' }] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'offline_access', ...scope.split(' ')],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    ...(fetchDocument === undefined
      ? {}
      : { fetch: (input) => fetchDocument(input instanceof Request ? input.url : String(input)) }),
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: options.registration ?? true },
      revocation: { enabled: true, allowedPolicy: () => true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, audience) => ({
          scope,
          audience,
          accessTokenFormat: 'opaque',
          accessTokenTTL: seconds,
        }),
      },
      clientIdMetadataDocument: { enabled: fetchDocument !== undefined, ack: 'draft-02' },
    },
    pkce: { required: () => true },
    ttl: {
      AccessToken: seconds,
      ClientCredentials: seconds,
      AuthorizationCode: 60,
      Grant: 86_400,
      RefreshToken: 86_400,
      Session: 86_400,
      Interaction: 600,
      IdToken: 600,
    },
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    interactions: { url: (_ctx, interaction) => `${options.issuerPath ?? ''}/interaction/${interaction.uid}` },
    findAccount: (_ctx, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, email: `${accountId}@example.com` }),
    }),
    async loadExistingGrant(ctx) {
      const { client, session, params, provider } = ctx.oidc;
      const accountId = session?.accountId ?? user() ?? undefined;
      if (client === undefined || accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId });
      const asked = typeof params?.scope === 'string' ? params.scope : '';
      grant.addOIDCScope(asked === '' ? 'openid' : asked);
      const resources = [params?.resource].flat().filter((value) => typeof value === 'string');
      for (const resource of resources) grant.addResourceScope(resource, scope);
      await grant.save();
      return grant;
    },
    renderError: (ctx, out) => {
      ctx.type = 'json';
      ctx.body = JSON.stringify(out);
    },
  };
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The request as if nobody had read its body, below the mount point. */
function unread(request: IncomingMessage, body: string, mount: string, url: string): IncomingMessage {
  const copy = new IncomingMessage(request.socket);
  const { method, headers, rawHeaders, httpVersion } = request;
  Object.assign(copy, { method, headers, rawHeaders, httpVersion, url, originalUrl: `${mount}${url}` });
  copy.complete = true;
  if (body !== '') copy.push(body);
  copy.push(null);
  return copy;
}
