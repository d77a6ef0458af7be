import { createHash, randomUUID } from 'node:crypto';
import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { PublicAddress } from '../../platform/http/public-address.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';
import { AttemptLimiter } from './attempt-limiter.js';
import {
  answerAddress,
  readAuthorizationRequest,
  readReturnAddress,
  type AuthorizationRequest,
  type ReturnAddress,
} from './authorization-request.js';
import { BrowserCookies } from './browser-cookies.js';
import { sendPage } from './browser-page.js';
import { BrowserSessions, type BrowserUser } from './browser-sessions.js';
import { Clients } from './clients.js';
import { Codes } from './codes.js';
import { consentPage } from './consent-page.js';
import { BrowserEndpoint } from './endpoint.decorator.js';
import { FlowStore } from './flow.store.js';
import { MissingConnection } from './missing-connection.js';
import { loginPath } from './local-path.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { onceEach, readForm, readQuery } from './read-body.js';
import { isLoopbackRedirect, redirectHost } from './redirect-rules.js';
import { refuseClient } from './refuse-client.js';
import { RelaySignIn } from './relay/relay-sign-in.js';
import { UnnamedRelay } from './relay/unnamed-relay.js';
import { GRANTED_SCOPES } from './root-scopes.js';
import type { RootCode } from './root-code.js';

const FLOW_MS = 600_000;

/** A request that waits for its person. */
interface WaitingRequest extends AuthorizationRequest {
  /** The sign-in in which it was allowed; what is missing is to be connected first. */
  readonly allowedBy?: string;
}

/**
 * Where a client without a key sends its user: the request is judged, the person signs in, is asked, and is sent back with
 * a code. Every step but the first is bound to the browser that made it.
 */
@Controller()
@BrowserEndpoint()
export class AuthorizeController {
  readonly #begun = new AttemptLimiter({ perAddress: 300, total: 6_000, windowMs: 60_000 });

  constructor(
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(Clients) private readonly clients: Clients,
    @Inject(FlowStore) private readonly flows: FlowStore,
    @Inject(Codes) private readonly codes: Codes,
    @Inject(BrowserCookies) private readonly cookies: BrowserCookies,
    @Inject(BrowserSessions) private readonly sessions: BrowserSessions,
    @Inject(UnnamedRelay) private readonly unnamed: UnnamedRelay,
    @Inject(RelaySignIn) private readonly relay: RelaySignIn,
    @Inject(MissingConnection) private readonly missing: MissingConnection,
  ) {}

  @Get('/authorize')
  @RouteDoc('Where a client sends its user to allow it (RFC 6749 §4.1.1)')
  async begin(@Req() request: Request, @Res() response: Response): Promise<void> {
    const seconds = this.#begun.tooMany(this.address.clientAddress(request));
    if (seconds !== undefined) {
      throw new OAuthRefusal('slow_down', 'too many tries', 429, { retryAfterSeconds: seconds });
    }
    const parameters = readQuery(request);
    const relay = this.unnamed.ofAuthorization(request, parameters);
    if (relay !== undefined) return this.relay.begin(request, response, relay, parameters);
    const base = this.address.baseUrl(request);
    const judged = await readReturnAddress(parameters, '', base, this.clients);
    let asked: AuthorizationRequest;
    try {
      asked = readAuthorizationRequest(parameters, judged);
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) throw error;
      return refuseClient(response, this.clients, judged, error);
    }
    const browser = this.cookies.ensureBrowser(request, response);
    const flow = await this.flows.begin('authorize', asked, { ttlMs: FLOW_MS, browser });
    response.setHeader('Cache-Control', 'no-store');
    response.redirect(303, `${base}${pathOf(flow)}`);
  }

  @Get('/authorize/flow')
  @RouteDoc('The page that asks for it', { query: { flow: 'Which request it is about' } })
  async ask(@Req() request: Request, @Res() response: Response): Promise<void> {
    const flow = onceEach(readQuery(request)).get('flow') ?? '';
    const browser = this.cookies.browser(request);
    const asked = browser === undefined ? undefined : await this.#look(flow, browser);
    if (asked === undefined || browser === undefined) throw over();
    const base = this.address.baseUrl(request);
    const user = await this.sessions.current(request);
    if (user === undefined) {
      response.setHeader('Cache-Control', 'no-store');
      response.redirect(303, `${base}${loginPath(pathOf(flow))}`);
      return;
    }
    if (asked.allowedBy === user.session) return this.#answerCode(request, response, flow, browser, user);
    if (await this.#wasAllowed(user, request, asked)) return this.#allow(request, response, flow, browser, user);
    sendPage(
      response,
      consentPage({
        clientName: asked.clientName,
        clientHost: asked.clientHost,
        redirectUri: asked.redirectUri,
        resource: `${base}${asked.endpoint}`,
        scopes: GRANTED_SCOPES,
        signedInAs: user.label,
        otherAccount: `${base}${loginPath(pathOf(flow))}`,
        action: `${base}/authorize/flow`,
        fields: { flow, csrf: this.cookies.csrfToken(browser, formOf(flow, user)) },
      }),
    );
  }

  @Post('/authorize/flow')
  @RouteDoc('What the person said, sent by the form of that page')
  async decide(@Req() request: Request, @Res() response: Response): Promise<void> {
    const form = await readForm(request);
    const flow = form.get('flow') ?? '';
    const browser = this.cookies.browser(request);
    const user = await this.sessions.current(request);
    if (browser === undefined || user === undefined) throw over();
    if (!this.cookies.isOwnForm(request, browser, formOf(flow, user), form.get('csrf') ?? '')) {
      throw new OAuthRefusal('access_denied', 'this form was not sent by this browser, or is too old', 403);
    }
    if (form.get('decision') === 'allow') return this.#allow(request, response, flow, browser, user);
    const taken = await this.flows.take<AuthorizationRequest>('authorize', flow, browser);
    if (taken?.kind !== 'taken') throw over();
    this.#answer(response, taken.payload, { error: 'access_denied', error_description: 'the person said no' });
  }

  /** A client of one server is of no use before its person has connected there: that comes first, once. */
  async #allow(request: Request, response: Response, flow: string, browser: string, user: BrowserUser): Promise<void> {
    const asked = await this.#look(flow, browser);
    if (asked === undefined) throw over();
    const page = await this.missing.pageFor(request, user.principal, asked.endpoint, pathOf(flow));
    if (page === undefined) return this.#answerCode(request, response, flow, browser, user);
    await this.flows.change('authorize', flow, { ...asked, allowedBy: user.session } satisfies WaitingRequest);
    response.setHeader('Cache-Control', 'no-store');
    response.redirect(303, `${this.address.baseUrl(request)}${page}`);
  }

  async #answerCode(
    request: Request,
    response: Response,
    flow: string,
    browser: string,
    user: BrowserUser,
  ): Promise<void> {
    const taken = await this.flows.take<AuthorizationRequest>('authorize', flow, browser);
    if (taken?.kind !== 'taken') throw over();
    const asked = taken.payload;
    await this.sessions.remember(user, request, consentOf(asked));
    const code: RootCode = {
      clientId: asked.clientId,
      clientName: asked.clientName,
      redirectUri: asked.redirectUri,
      redirectHost: redirectHost(asked.redirectUri),
      challenge: asked.challenge,
      endpoint: asked.endpoint,
      grantId: randomUUID(),
      holder: user.holder,
    };
    this.#answer(response, asked, { code: await this.codes.issue('code', code) });
  }

  #look(flow: string, browser: string): Promise<WaitingRequest | undefined> {
    return this.flows.look<WaitingRequest>('authorize', flow, browser);
  }

  /** Any program can be behind an address on the user's own machine: there the person is asked every time (RFC 8252 §8.6). */
  async #wasAllowed(user: BrowserUser, request: Request, asked: AuthorizationRequest): Promise<boolean> {
    if (!asked.redirectUri.startsWith('https:') || isLoopbackRedirect(asked.redirectUri)) return false;
    return this.sessions.wasAllowed(user, request, consentOf(asked));
  }

  #answer(response: Response, back: ReturnAddress, answer: Readonly<Record<string, string>>): void {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.redirect(303, answerAddress(back, answer));
  }
}

function pathOf(flow: string): string {
  return `/authorize/flow?flow=${encodeURIComponent(flow)}`;
}

/** What a form is bound to besides the browser: the request, and who was signed in when it was shown. */
function formOf(flow: string, { session }: BrowserUser): string {
  return `${flow} ${session}`;
}

/** What a person allowed: this client, to be sent there, for this endpoint. */
function consentOf({ clientId, redirectUri, endpoint }: AuthorizationRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([clientId, redirectUri, endpoint]))
    .digest('base64url');
}

function over(): OAuthRefusal {
  return new OAuthRefusal('access_denied', 'this request is over, or was begun in another browser', 403);
}
