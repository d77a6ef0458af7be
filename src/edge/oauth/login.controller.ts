import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { OAuthSettings } from '../../platform/config/settings.js';
import { OAUTH_SETTINGS } from '../../platform/config/tokens.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { Authenticator } from '../../state/identity/authenticator.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { BrowserCookies } from './browser-cookies.js';
import { sendPage } from './browser-page.js';
import { BrowserSessions } from './browser-sessions.js';
import { CompanyLogin, type LoginMemory } from './company-login.js';
import { BrowserEndpoint } from './endpoint.decorator.js';
import { FlowStore } from './flow.store.js';
import { isLocalPath } from './local-path.js';
import { loginPage } from './login-page.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { onceEach, readForm, readQuery } from './read-body.js';

const LOGIN_MS = 600_000;

interface StoredLogin {
  readonly next: string;
  readonly memory: LoginMemory;
}

/** Signing in at the gateway's own pages: with a key, or at the company's provider. `next` is a path of ours to go on to. */
@Controller()
@BrowserEndpoint()
export class LoginController {
  readonly #attempts = new AttemptLimiter({ perAddress: 30, total: 600, windowMs: 60_000 });
  readonly #begun = new AttemptLimiter({ perAddress: 300, total: 3_000, windowMs: 60_000 });

  constructor(
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(BrowserCookies) private readonly cookies: BrowserCookies,
    @Inject(BrowserSessions) private readonly sessions: BrowserSessions,
    @Inject(FlowStore) private readonly flows: FlowStore,
    @Inject(CompanyLogin) private readonly company: CompanyLogin,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(OAUTH_SETTINGS) private readonly settings: OAuthSettings,
  ) {}

  @Get('/login')
  @RouteDoc('The page to sign in at', { query: { next: 'A path of the gateway to go on to' } })
  show(@Req() request: Request, @Res() response: Response): void {
    const next = readNext(onceEach(readQuery(request)));
    this.#page(request, response, next);
  }

  @Post('/login')
  @RouteDoc('Signs in with a key, sent by the form of that page')
  async withKey(@Req() request: Request, @Res() response: Response): Promise<void> {
    const form = await readForm(request);
    const next = readNext(form);
    const browser = this.cookies.browser(request);
    if (!this.settings.loginByKey) throw new OAuthRefusal('access_denied', 'keys are not for signing in here', 403);
    if (browser === undefined || !this.cookies.isOwnForm(request, browser, next, form.get('csrf') ?? '')) {
      throw new OAuthRefusal('access_denied', 'this form was not sent by this browser, or is too old', 403);
    }
    const address = this.address.clientAddress(request);
    const seconds = this.#attempts.tooMany(address);
    if (seconds !== undefined) {
      response.setHeader('Retry-After', String(seconds));
      this.#page(request, response, next, `Too many tries. Wait ${seconds} seconds.`, 429);
      return;
    }
    const identified = await this.authenticator.identifyKey((form.get('key') ?? '').trim());
    if (identified.kind === 'refused') {
      this.#page(request, response, next, 'This key is not valid.', 401);
      return;
    }
    this.#attempts.forgive(address);
    const { principal, keyHash } = identified;
    const kind = principal.kind === 'master_key' ? 'master' : 'key';
    await this.sessions.begin(request, response, { kind, keyHash });
    response.redirect(303, this.#own(request, next));
  }

  @Get('/login/company')
  @RouteDoc('Sends the browser to the company’s provider', { query: { next: 'A path of the gateway to go on to' } })
  async atCompany(@Req() request: Request, @Res() response: Response): Promise<void> {
    const next = readNext(onceEach(readQuery(request)));
    const seconds = this.#begun.tooMany(this.address.clientAddress(request));
    if (seconds !== undefined) {
      throw new OAuthRefusal('slow_down', 'too many tries', 429, { retryAfterSeconds: seconds });
    }
    const browser = this.cookies.ensureBrowser(request, response);
    const state = await this.flows.begin('login', { next, memory: {} }, { ttlMs: LOGIN_MS, browser });
    const { url, memory } = await this.company.begin(request, this.#own(request, '/login/callback'), state);
    await this.flows.change('login', state, { next, memory } satisfies StoredLogin);
    response.setHeader('Cache-Control', 'no-store');
    response.redirect(303, url);
  }

  @Get('/login/callback')
  @RouteDoc('Where the company’s provider sends the browser back to')
  async back(@Req() request: Request, @Res() response: Response): Promise<void> {
    const query = onceEach(readQuery(request));
    const state = query.get('state') ?? '';
    const browser = this.cookies.browser(request);
    const taken = browser === undefined ? undefined : await this.flows.take<StoredLogin>('login', state, browser);
    if (taken?.kind !== 'taken' || (!query.has('code') && !query.has('error'))) {
      throw new OAuthRefusal('access_denied', 'this sign-in is over, or was begun in another browser', 403);
    }
    const { next, memory } = taken.payload;
    const holder = await this.company.finish(request, this.#own(request, '/login/callback'), state, memory);
    await this.sessions.begin(request, response, holder);
    response.setHeader('Cache-Control', 'no-store');
    response.redirect(303, this.#own(request, next));
  }

  #page(request: Request, response: Response, next: string, problem?: string, status?: number): void {
    const browser = this.cookies.ensureBrowser(request, response);
    sendPage(
      response,
      loginPage({
        action: this.settings.loginByKey ? this.#own(request, '/login') : undefined,
        fields: { next, csrf: this.cookies.csrfToken(browser, next) },
        company: this.company.isOffered
          ? {
              address: this.#own(request, `/login/company?${new URLSearchParams({ next }).toString()}`),
              host: this.company.host,
            }
          : undefined,
        problem,
        ...(status === undefined ? {} : { status }),
      }),
    );
  }

  #own(request: Request, path: string): string {
    return `${this.address.baseUrl(request)}${path}`;
  }
}

/** @throws OAuthRefusal for anything that could lead elsewhere. */
function readNext(parameters: URLSearchParams): string {
  const next = parameters.get('next') ?? '';
  if (!isLocalPath(next)) throw new OAuthRefusal('invalid_request', 'there is nothing to sign in for');
  return next;
}
