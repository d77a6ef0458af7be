import { createHash, randomBytes } from 'node:crypto';
import type { Page } from '../../harness/cookie-browser.js';
import { CALLBACK, Person } from './person.js';

export interface TokenSet {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly token_type: string;
  readonly scope: string;
}

export interface OAuthAnswer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

export function pkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** Registers a client by hand. */
export async function register(gateway: string, metadata: object = {}): Promise<OAuthAnswer> {
  const response = await fetch(`${gateway}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'test client',
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: 'none',
      ...metadata,
    }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

/** The address a client opens, each parameter as given; null leaves it out. */
export function authorizeUrl(gateway: string, parameters: Readonly<Record<string, string | null>>): URL {
  const url = new URL(`${gateway}/authorize`);
  for (const [name, value] of Object.entries(parameters)) if (value !== null) url.searchParams.set(name, value);
  return url;
}

export async function form<T = Record<string, unknown>>(
  url: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<OAuthAnswer<T>> {
  const response = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(fields) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

/** A client of ours that did everything right up to the code. */
export interface Authorized {
  readonly clientId: string;
  readonly code: string;
  readonly verifier: string;
  readonly answer: URLSearchParams;
}

export async function codeFor(
  gateway: string,
  person: Person,
  parameters: Readonly<Record<string, string | null>> = {},
): Promise<Authorized> {
  const { verifier, challenge } = pkce();
  const clientId = parameters['client_id'] ?? String((await register(gateway)).body['client_id']);
  const url = authorizeUrl(gateway, {
    client_id: clientId,
    redirect_uri: CALLBACK,
    response_type: 'code',
    state: 'xyz',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    resource: `${gateway}/mcp`,
    ...parameters,
  });
  const answer = await person.signIn(url);
  return { clientId, code: answer.get('code') ?? '', verifier, answer };
}

export function redeem(gateway: string, { clientId, code, verifier }: Authorized, more: Record<string, string> = {}) {
  return form<TokenSet>(`${gateway}/token`, {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    client_id: clientId,
    redirect_uri: CALLBACK,
    ...more,
  });
}

/** Tokens of somebody who signed in with this key and allowed a fresh client. */
export async function tokensFor(
  gateway: string,
  key: string,
  parameters: Readonly<Record<string, string | null>> = {},
): Promise<TokenSet & { readonly clientId: string }> {
  const authorized = await codeFor(gateway, new Person(key), parameters);
  const { status, body } = await redeem(gateway, authorized);
  if (status !== 200) throw new Error(`The token endpoint answered ${status}: ${JSON.stringify(body)}`);
  return { ...body, clientId: authorized.clientId };
}

/** The text of a page, for people. */
export function visible({ text }: Page): string {
  return text
    .replace(/<style>[\s\S]*<\/style>/, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
}
