import { createPublicKey, type KeyObject } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { decodeJwt, jwtVerify } from 'jose';
import { listen } from './listen.js';

/** One request to the token endpoint. */
export interface SeenGrant {
  readonly form: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** Who proved to be the client, and how. */
  readonly client: string;
  readonly method: 'client_secret_post' | 'client_secret_basic' | 'private_key_jwt' | 'none';
}

export interface TokenRefusalAnswer {
  readonly status: number;
  readonly body: string;
}

export interface TokenServerOptions {
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** PEM of the client's public key: assertions are checked with it. */
  readonly clientPublicKey?: string;
  /** Seconds; null: the reply does not say. Default 3,600. */
  readonly expiresIn?: number | null;
  /** What it says of itself; absent: it has no metadata. */
  readonly authMethods?: readonly string[];
  /** Makes the access token of a good request; throws for a bad one. Default: `token-1`, `token-2` and so on. */
  readonly issue?: (grant: SeenGrant, count: number) => string | Promise<string>;
  /** Members of the reply besides the usual ones. */
  readonly extra?: (grant: SeenGrant) => object;
  readonly path?: string;
}

/** An authorization server for machines: one client, `POST /oauth/token`, and a log of everything it was asked. */
export interface TokenServer {
  readonly origin: string;
  readonly tokenUrl: string;
  readonly grants: readonly SeenGrant[];
  /** Requests that proved nothing. */
  readonly refused: number;
  /** Everything that arrived, as text. */
  transcript(): string;
  /** Whether this is a token it gave and has not taken back; takes an `Authorization` header as well. */
  accepts(bearer: string | undefined): boolean;
  /** Takes back every token so far. */
  revokeAll(): void;
  setExpiresIn(seconds: number | null): void;
  setRefusal(answer: TokenRefusalAnswer | undefined): void;
  /** Requests are answered when this settles. */
  setDelay(until: Promise<unknown> | undefined): void;
  close(): Promise<void>;
}

export async function tokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const { clientId = 'machine', clientSecret = 'machine-secret', path = '/oauth/token' } = options;
  const publicKey = options.clientPublicKey === undefined ? undefined : createPublicKey(options.clientPublicKey);
  const grants: SeenGrant[] = [];
  const seen: string[] = [];
  const good = new Set<string>();
  let expiresIn = options.expiresIn === undefined ? 3_600 : options.expiresIn;
  let refusal: TokenRefusalAnswer | undefined;
  let delay: Promise<unknown> | undefined;
  let [refused, issued] = [0, 0];

  const server = createServer((request, response) => {
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    const serve = async (): Promise<void> => {
      const body = await bodyOf(request);
      seen.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body}`);
      if (request.url === '/.well-known/oauth-authorization-server' && options.authMethods !== undefined) {
        send(200, metadata(origin, path, options.authMethods));
        return;
      }
      if (request.url !== path || request.method !== 'POST') return void response.writeHead(404).end();
      await delay;
      if (refusal !== undefined) {
        response.writeHead(refusal.status, { 'content-type': 'application/json' }).end(refusal.body);
        return;
      }
      const form = Object.fromEntries(new URLSearchParams(body));
      const proof = await prove(form, request.headers, { clientId, clientSecret, publicKey, origin, path });
      if (proof === undefined) {
        refused += 1;
        send(401, { error: 'invalid_client', error_description: 'Client authentication failed' });
        return;
      }
      const grant: SeenGrant = { form, headers: request.headers, client: clientId, method: proof };
      grants.push(grant);
      issued += 1;
      let token: string;
      try {
        token = (await options.issue?.(grant, issued)) ?? `token-${issued}`;
      } catch {
        send(400, { error: 'invalid_grant' });
        return;
      }
      good.add(token);
      send(200, {
        access_token: token,
        token_type: 'Bearer',
        ...(expiresIn === null ? {} : { expires_in: expiresIn }),
        ...options.extra?.(grant),
      });
    };
    serve().catch(() => response.writeHead(500).end());
  });
  const { origin, close } = await listen(server);
  return {
    origin,
    tokenUrl: `${origin}${path}`,
    grants,
    get refused() {
      return refused;
    },
    transcript: () => seen.join('\n'),
    accepts: (bearer) => bearer !== undefined && good.has(bearer.replace(/^Bearer /, '')),
    revokeAll: () => good.clear(),
    setExpiresIn: (seconds) => void (expiresIn = seconds),
    setRefusal: (answer) => void (refusal = answer),
    setDelay: (until) => void (delay = until),
    close,
  };
}

interface Expected {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly publicKey: KeyObject | undefined;
  readonly origin: string;
  readonly path: string;
}

async function prove(
  form: Record<string, string>,
  headers: IncomingHttpHeaders,
  { clientId, clientSecret, publicKey, origin, path }: Expected,
): Promise<SeenGrant['method'] | undefined> {
  if (form['client_assertion'] !== undefined && publicKey !== undefined) {
    const { payload } = await jwtVerify(form['client_assertion'], publicKey, {
      issuer: clientId,
      subject: clientId,
      audience: [origin, `${origin}${path}`],
      requiredClaims: ['jti', 'exp'],
    });
    return payload.sub === clientId ? 'private_key_jwt' : undefined;
  }
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent);
    return id === clientId && secret === clientSecret ? 'client_secret_basic' : undefined;
  }
  if (form['client_id'] !== clientId) return undefined;
  return form['client_secret'] === clientSecret ? 'client_secret_post' : undefined;
}

function metadata(origin: string, path: string, authMethods: readonly string[]): object {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}${path}`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: authMethods,
  };
}

/** What a JWT says, unchecked. */
export function claimsOf(jwt: string | undefined): Record<string, unknown> {
  return decodeJwt(jwt ?? '');
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
