import { createHash } from 'node:crypto';
import type { CookieBrowser, Page } from '../../harness/cookie-browser.js';
import { CLIENT_REDIRECT, VERIFIER } from './sdk-client.js';

/** What a client sends by hand, one parameter at a time. */
export interface AuthorizeOptions {
  /** Default: the issuer of `guarded`. */
  readonly path?: string;
  readonly [parameter: string]: string | undefined;
}

export function authorizeUrl(base: string, { path = '/guarded/authorize', ...parameters }: AuthorizeOptions = {}): URL {
  const url = new URL(`${base}${path}`);
  const all = {
    response_type: 'code',
    client_id: 'guarded',
    redirect_uri: CLIENT_REDIRECT,
    state: 'of the client',
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  };
  for (const [name, value] of Object.entries<string | undefined>(all)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly access_token: string;
    readonly refresh_token: string;
    readonly expires_in?: number;
    readonly scope?: string;
    readonly error?: string;
    readonly error_description?: string;
  };
}

/** Posts a form as OAuth clients do; `key` goes into x-litellm-api-key. */
export async function post(
  url: string,
  form: Readonly<Record<string, string>>,
  key?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { ...(key === undefined ? {} : { 'x-litellm-api-key': `Bearer ${key}` }), ...headers },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: JSON.parse(text) as TokenAnswer['body'] };
}

export interface RedeemOptions {
  readonly key?: string;
  readonly path?: string;
  readonly form?: Readonly<Record<string, string>>;
}

export function redeem(base: string, code: string, options: RedeemOptions = {}): Promise<TokenAnswer> {
  const form = {
    grant_type: 'authorization_code',
    code,
    code_verifier: VERIFIER,
    client_id: 'guarded',
    ...options.form,
  };
  return post(`${base}${options.path ?? '/guarded/token'}`, form, options.key);
}

export function refresh(base: string, token: string, options: RedeemOptions = {}): Promise<TokenAnswer> {
  const form = { grant_type: 'refresh_token', refresh_token: token, client_id: 'guarded', ...options.form };
  return post(`${base}${options.path ?? '/guarded/token'}`, form, options.key);
}

/** From the question on the gateway's page to the address the client is told. */
export async function signIn(base: string, browser: CookieBrowser, options: AuthorizeOptions = {}): Promise<URL> {
  const page: Page = await browser.get(authorizeUrl(base, options));
  if (!page.text.includes('name="decision"')) throw new Error(`No question at ${page.url.href}: ${page.text}`);
  return (await browser.submit(page, {}, 'decision=allow')).url;
}

/** The whole way to tokens. */
export async function tokens(
  base: string,
  browser: CookieBrowser,
  options: { readonly authorize?: AuthorizeOptions; readonly token?: RedeemOptions } = {},
): Promise<TokenAnswer['body']> {
  const back = await signIn(base, browser, options.authorize);
  const { status, body } = await redeem(base, back.searchParams.get('code') ?? '', options.token);
  if (status !== 200) throw new Error(`No tokens: ${JSON.stringify(body)} ${back.href}`);
  return body;
}
