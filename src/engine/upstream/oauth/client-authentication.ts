import { createPrivateKey, randomUUID, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { OAuthClient } from '../../../core/model/server-entry.js';
import type { Secret } from '../../../core/model/secret.js';
import { SignInProblem } from './sign-in-problem.js';

/** The gateway as one authorization server knows it. */
export interface ClientIdentity {
  readonly id: string;
  readonly secret: Secret | undefined;
  readonly authMethod: OAuthClient['authMethod'];
  /** For `private_key_jwt`. */
  readonly privateKey?: Secret | undefined;
  readonly privateKeyId?: string | undefined;
  readonly signingAlg?: string | undefined;
}

const ASSERTION_SECONDS = 60;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * Adds what proves who the client is (RFC 6749 §2.3.1, RFC 7523 §2.2) to a form, and answers headers to send with it, names
 * and values in turn. `audience` is what an assertion is for: the issuer, or the endpoint where no issuer is known.
 */
export async function authenticateClient(
  client: ClientIdentity,
  form: URLSearchParams,
  audience: string,
): Promise<readonly string[]> {
  switch (client.authMethod) {
    case 'none':
      form.set('client_id', client.id);
      return [];
    case 'client_secret_post':
      form.set('client_id', client.id);
      form.set('client_secret', client.secret?.reveal() ?? '');
      return [];
    case 'client_secret_basic': {
      const pair = `${formEncode(client.id)}:${formEncode(client.secret?.reveal() ?? '')}`;
      return ['authorization', `Basic ${Buffer.from(pair).toString('base64')}`];
    }
    case 'private_key_jwt':
      form.set('client_id', client.id);
      form.set('client_assertion_type', ASSERTION_TYPE);
      form.set('client_assertion', await signAssertion(client, audience));
      return [];
  }
}

async function signAssertion(client: ClientIdentity, audience: string): Promise<string> {
  const alg = client.signingAlg ?? 'RS256';
  const key = readPrivateKey(client);
  const { privateKeyId: kid } = client;
  const assertion = new SignJWT({})
    .setProtectedHeader({ alg, typ: 'JWT', ...(kid === undefined ? {} : { kid }) })
    .setIssuer(client.id)
    .setSubject(client.id)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${ASSERTION_SECONDS}s`);
  try {
    return await assertion.sign(key);
  } catch (error) {
    throw new SignInProblem(`its client_private_key cannot sign with ${alg}`, { cause: error });
  }
}

function readPrivateKey({ privateKey }: ClientIdentity): KeyObject {
  try {
    return createPrivateKey(privateKey?.reveal() ?? '');
  } catch {
    // What the library says of a broken key may show parts of it.
    throw new SignInProblem('its client_private_key is not a private key in PEM form');
  }
}

/** `application/x-www-form-urlencoded` of one value, as RFC 6749 §2.3.1 wants both halves of Basic. */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
