import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { Secret } from '../../core/model/secret.js';
import { Signer } from '../../platform/crypto/signer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { randomHandle } from './flow.store.js';

const SHAPE = /^[A-Za-z0-9_-]{43}$/;

type CookieName = 'browser' | 'session';

/**
 * The gateway's cookies. Over https they carry the `__Host-` prefix and `Secure`, so that no neighbouring host can set
 * them. `browser` tells one browser from another and is good for nothing else; `session` is the handle of a sign-in.
 */
@Injectable()
export class BrowserCookies {
  readonly #address: PublicAddress;
  readonly #signer: Signer;

  constructor(address: PublicAddress, @Inject(SEALING_SECRET) secret: Secret) {
    this.#address = address;
    this.#signer = new Signer(secret, 'oauth-csrf');
  }

  /** What tells this browser from others; undefined when it was here never before. */
  browser(request: IncomingMessage): string | undefined {
    return this.#read(request, 'browser');
  }

  /** The same; a browser that is new gets one with the answer. */
  ensureBrowser(request: IncomingMessage, response: ServerResponse): string {
    const known = this.browser(request);
    if (known !== undefined) return known;
    const fresh = randomHandle();
    this.#write(request, response, 'browser', fresh);
    return fresh;
  }

  sessionHandle(request: IncomingMessage): string | undefined {
    return this.#read(request, 'session');
  }

  writeSession(request: IncomingMessage, response: ServerResponse, handle: string, ttlMs: number): void {
    this.#write(request, response, 'session', handle, Math.floor(ttlMs / 1_000));
  }

  clearSession(request: IncomingMessage, response: ServerResponse): void {
    this.#write(request, response, 'session', '', 0);
  }

  /** Shows that a form was got by this browser, for this flow. */
  csrfToken(browser: string, flow: string): string {
    return this.#signer.sign('form', `${browser} ${flow}`);
  }

  /** Whether the form was ours, and nobody else's page sent it. */
  isOwnForm(request: IncomingMessage, browser: string, flow: string, token: string): boolean {
    const { origin } = request.headers;
    if (origin !== undefined && origin !== new URL(this.#address.baseUrl(request)).origin) return false;
    return this.#signer.open(token, `${browser} ${flow}`) === 'form';
  }

  #isSecure(request: IncomingMessage): boolean {
    return this.#address.baseUrl(request).startsWith('https:');
  }

  #name(request: IncomingMessage, name: CookieName): string {
    return `${this.#isSecure(request) ? '__Host-' : ''}gatehouse-${name}`;
  }

  #read(request: IncomingMessage, name: CookieName): string | undefined {
    const wanted = `${this.#name(request, name)}=`;
    const found = (request.headers.cookie ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .find((pair) => pair.startsWith(wanted));
    const value = found?.slice(wanted.length);
    return value !== undefined && SHAPE.test(value) ? value : undefined;
  }

  #write(request: IncomingMessage, response: ServerResponse, name: CookieName, value: string, seconds?: number): void {
    const attributes = ['Path=/', 'HttpOnly', 'SameSite=Lax'];
    if (this.#isSecure(request)) attributes.push('Secure');
    if (seconds !== undefined) attributes.push(`Max-Age=${seconds}`);
    response.appendHeader('Set-Cookie', `${this.#name(request, name)}=${value}; ${attributes.join('; ')}`);
  }
}
