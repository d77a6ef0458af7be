import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { PublicAddress } from '../../platform/http/public-address.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { readEndpoint } from './authorization-request.js';
import { Clients } from './clients.js';
import { Codes } from './codes.js';
import { ClientEndpoint } from './endpoint.decorator.js';
import { IdentityAssertions } from './identity-assertions.js';
import type { KnownClient } from './known-client.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { readForm, readJson } from './read-body.js';
import { RelayIssuing, type RelayAnswer } from './relay/relay-issuing.js';
import { UnnamedRelay } from './relay/unnamed-relay.js';
import type { RootCode } from './root-code.js';
import { RootTokens, type TokenAnswer } from './root-tokens.js';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** What clients of the root issuer ask for without a browser: registration, tokens, revocation. */
@Controller()
@ClientEndpoint()
export class TokenController {
  readonly #registrations = new AttemptLimiter({ perAddress: 60, total: 3_000, windowMs: 60_000 });
  readonly #requests = new AttemptLimiter({ perAddress: 600, total: 30_000, windowMs: 60_000 });

  constructor(
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(Clients) private readonly clients: Clients,
    @Inject(Codes) private readonly codes: Codes,
    @Inject(RootTokens) private readonly tokens: RootTokens,
    @Inject(IdentityAssertions) private readonly assertions: IdentityAssertions,
    @Inject(UnnamedRelay) private readonly unnamed: UnnamedRelay,
    @Inject(RelayIssuing) private readonly relay: RelayIssuing,
  ) {}

  @Post('/register')
  @HttpCode(201)
  @RouteDoc('Registers a client (RFC 7591)')
  async register(@Req() request: Request, @Res({ passthrough: true }) response: Response) {
    this.#limit(this.#registrations, request);
    noStore(response);
    return this.clients.register('', await readJson(request));
  }

  @Post('/token')
  @HttpCode(200)
  @RouteDoc('Tokens for a code, a refresh token, or an identity assertion (RFC 6749 §4.1.3, §6; RFC 7523)')
  async token(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TokenAnswer | RelayAnswer> {
    this.#limit(this.#requests, request);
    noStore(response);
    const form = await readForm(request);
    const client = await this.clients.authenticate('', request, form);
    const relay = await this.unnamed.ofToken(request, form);
    if (relay !== undefined) return this.relay.issue(request, relay, client, form);
    const base = this.address.baseUrl(request);
    const endpoint = form.has('resource') ? readEndpoint(form, base) : undefined;
    switch (form.get('grant_type')) {
      case 'authorization_code':
        return this.#redeem(form, client, endpoint);
      case 'refresh_token':
        return this.tokens.refresh(form.get('refresh_token') ?? '', client.id, endpoint);
      case JWT_BEARER:
        return this.assertions.redeem(form.get('assertion') ?? '', client, base, endpoint);
      default:
        // In the incumbent's words (reference, Appendix E).
        throw new OAuthRefusal('unsupported_grant_type', 'Unsupported grant_type');
    }
  }

  @Post('/revoke')
  @HttpCode(200)
  @RouteDoc('Ends the grant of a token (RFC 7009)')
  async revoke(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<object> {
    this.#limit(this.#requests, request);
    noStore(response);
    const form = await readForm(request);
    const client = await this.clients.authenticate('', request, form);
    const token = form.get('token') ?? '';
    if (token === '') throw new OAuthRefusal('invalid_request', 'token is missing');
    const relay = await this.unnamed.ofToken(request, form);
    await (relay === undefined ? this.tokens.revoke(token, client.id) : this.relay.revoke(relay, client, token));
    return {};
  }

  async #redeem(form: URLSearchParams, client: KnownClient, endpoint: string | undefined): Promise<TokenAnswer> {
    const { kind, payload } = await this.codes.redeem<RootCode>('code', form, client.id);
    if (kind === 'used') {
      await this.tokens.revokeOf(payload);
      throw new OAuthRefusal('invalid_grant', 'the code was used before: what it gave is over');
    }
    if (endpoint !== undefined && endpoint !== payload.endpoint) {
      throw new OAuthRefusal('invalid_target', 'the code is for another endpoint');
    }
    return this.tokens.redeem(payload);
  }

  #limit(limiter: AttemptLimiter, request: Request): void {
    const seconds = limiter.tooMany(this.address.clientAddress(request));
    if (seconds === undefined) return;
    throw new OAuthRefusal('slow_down', 'too many requests', 429, { retryAfterSeconds: seconds });
  }
}

function noStore(response: Response): void {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Pragma', 'no-cache');
}
