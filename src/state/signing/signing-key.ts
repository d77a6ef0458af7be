import { createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { Secret } from '../../core/model/secret.js';

export const SIGNING_ALGORITHM = 'RS256';
const RSA_BITS = 2_048;

/** A key pair nobody knows of yet. */
export interface NewKey {
  /** RFC 7638 thumbprint: the `kid`. */
  readonly id: string;
  /** With `kid`, `alg` and `use`. */
  readonly publicKey: JWK;
  /** PEM. */
  readonly privateKey: Secret;
}

export interface SigningKey extends Omit<NewKey, 'privateKey'> {
  /** Undefined: it does not open under any salt that is configured. It is still shown, but never signs. */
  readonly privateKey: Secret | undefined;
  /** All times in milliseconds since the epoch. */
  readonly signsFrom: number;
  /** Undefined: it has no successor. */
  readonly publishedUntil: number | undefined;
  readonly createdAt: number;
}

/** Makes an RSA key pair; takes a tenth of a second, not of this thread. */
export async function generateSigningKey(): Promise<NewKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  return readSigningKey(new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()));
}

/** The key pair of a private key in PEM. */
export async function readSigningKey(pem: Secret): Promise<NewKey> {
  const key = createPrivateKey(pem.reveal());
  const { kty, n, e } = createPublicKey(key).export({ format: 'jwk' });
  const jwk: JWK = { kty: kty ?? 'RSA', n: n ?? '', e: e ?? '' };
  const id = await calculateJwkThumbprint(jwk);
  return { id, publicKey: { ...jwk, kid: id, alg: SIGNING_ALGORITHM, use: 'sig' }, privateKey: pem };
}
