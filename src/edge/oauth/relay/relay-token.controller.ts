import { Controller, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { RouteDoc } from '../../admin/auth/route-doc.decorator.js';
import { AttemptLimiter } from '../attempt-limiter.js';
import { Clients, type RegistrationAnswer } from '../clients.js';
import { ClientEndpoint } from '../endpoint.decorator.js';
import { OAuthRefusal } from '../oauth-refusal.js';
import { readForm, readJson } from '../read-body.js';
import { RelayIssuing, type RelayAnswer } from './relay-issuing.js';
import { RelayServers } from './relay-server.js';

/** What clients of the issuer of one server ask for without a browser. */
@Controller()
@ClientEndpoint()
export class RelayTokenController {
  readonly #registrations = new AttemptLimiter({ perAddress: 60, total: 3_000, windowMs: 60_000 });
  readonly #requests = new AttemptLimiter({ perAddress: 600, total: 30_000, windowMs: 60_000 });

  constructor(
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(RelayServers) private readonly servers: RelayServers,
    @Inject(Clients) private readonly clients: Clients,
    @Inject(RelayIssuing) private readonly issuing: RelayIssuing,
  ) {}

  @Post('/:server/register')
  @HttpCode(201)
  @RouteDoc('Registers a client at the issuer of a server (RFC 7591)')
  async register(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @Param('server') name: string,
  ): Promise<RegistrationAnswer> {
    this.#limit(this.#registrations, request, response);
    return this.clients.register(this.servers.named(request, name).issuerPath, await readJson(request));
  }

  @Post('/:server/token')
  @HttpCode(200)
  @RouteDoc('Tokens of a server for a code or a refresh token (RFC 6749 §4.1.3, §6)')
  async token(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @Param('server') name: string,
  ): Promise<RelayAnswer> {
    this.#limit(this.#requests, request, response);
    const server = this.servers.named(request, name);
    const form = await readForm(request);
    const client = await this.clients.authenticate(server.issuerPath, request, form);
    return this.issuing.issue(request, server, client, form);
  }

  @Post('/:server/revoke')
  @HttpCode(200)
  @RouteDoc('Ends the sign-in of a token, here and at the server (RFC 7009)')
  async revoke(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @Param('server') name: string,
  ): Promise<object> {
    this.#limit(this.#requests, request, response);
    const server = this.servers.named(request, name);
    const form = await readForm(request);
    const client = await this.clients.authenticate(server.issuerPath, request, form);
    const token = form.get('token') ?? '';
    if (token === '') throw new OAuthRefusal('invalid_request', 'token is missing');
    await this.issuing.revoke(server, client, token);
    return {};
  }

  #limit(limiter: AttemptLimiter, request: Request, response: Response): void {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Pragma', 'no-cache');
    const seconds = limiter.tooMany(this.address.clientAddress(request));
    if (seconds === undefined) return;
    throw new OAuthRefusal('slow_down', 'too many requests', 429, { retryAfterSeconds: seconds });
  }
}
