import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { listen } from './listen.js';

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

export interface TokenOptions {
  /** Seconds since the epoch; null: none. Default: five minutes from now. */
  readonly expiresAt?: number | null;
  readonly issuer?: string;
  readonly audience?: string | string[];
  /** Default: the newest key's. */
  readonly keyId?: string;
  /** `typ` of the header. Default: none. */
  readonly type?: string;
  /** Signs with something else than the newest key. */
  readonly signWith?: SigningKey;
}

/** An identity provider on loopback: signs tokens, publishes its keys and its OpenID configuration. */
export interface TokenIssuer {
  readonly issuer: string;
  readonly jwksUri: string;
  /** Requests for the keys so far. */
  readonly fetches: number;
  token(claims: JWTPayload, options?: TokenOptions): Promise<string>;
  /** A new key signs from now on; the others are published still, or no longer. */
  rotate(keepFormer: boolean): Promise<void>;
  /** Answers 503 from now on, or no longer. */
  setAway(away: boolean): void;
  close(): Promise<void>;
}

export const AUDIENCE = 'gatehouse';

export async function tokenIssuer(): Promise<TokenIssuer> {
  let keys: { id: string; privateKey: SigningKey; jwk: object }[] = [];
  let fetches = 0;
  let away = false;
  let made = 0;
  const addKey = async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const id = `key-${(made += 1)}`;
    keys.push({ id, privateKey, jwk: { ...(await exportJWK(publicKey)), kid: id, alg: 'ES256', use: 'sig' } });
  };
  await addKey();
  const server = createServer((request, response) => {
    if (away) return void response.writeHead(503).end();
    const send = (body: object) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.url === '/.well-known/openid-configuration') send({ issuer: origin, jwks_uri: `${origin}/keys` });
    else if (request.url === '/keys') {
      fetches += 1;
      send({ keys: keys.map(({ jwk }) => jwk) });
    } else response.writeHead(404).end();
  });
  const { origin, close } = await listen(server);
  return {
    issuer: origin,
    jwksUri: `${origin}/keys`,
    get fetches() {
      return fetches;
    },
    async token(claims, options = {}) {
      const newest = keys.at(-1);
      if (newest === undefined) throw new Error('no key');
      const { expiresAt = Math.floor(Date.now() / 1_000) + 300 } = options;
      return new SignJWT({ ...claims, ...(expiresAt === null ? {} : { exp: expiresAt }) })
        .setProtectedHeader({
          alg: 'ES256',
          kid: options.keyId ?? newest.id,
          ...(options.type === undefined ? {} : { typ: options.type }),
        })
        .setIssuer(options.issuer ?? origin)
        .setAudience(options.audience ?? AUDIENCE)
        .setIssuedAt()
        .sign(options.signWith ?? newest.privateKey);
    },
    async rotate(keepFormer) {
      if (!keepFormer) keys = [];
      await addKey();
    },
    setAway: (next) => void (away = next),
    close,
  };
}
