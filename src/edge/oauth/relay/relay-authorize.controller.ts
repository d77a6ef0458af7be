import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { RouteDoc } from '../../admin/auth/route-doc.decorator.js';
import { AttemptLimiter } from '../attempt-limiter.js';
import { BrowserEndpoint } from '../endpoint.decorator.js';
import { OAuthRefusal } from '../oauth-refusal.js';
import { readForm, readQuery } from '../read-body.js';
import { RelayServers } from './relay-server.js';
import { RelaySignIn } from './relay-sign-in.js';

/** Where clients send their users to sign in at one server. */
@Controller()
@BrowserEndpoint()
export class RelayAuthorizeController {
  readonly #begun = new AttemptLimiter({ perAddress: 60, total: 6_000, windowMs: 60_000 });

  constructor(
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(RelayServers) private readonly servers: RelayServers,
    @Inject(RelaySignIn) private readonly signIn: RelaySignIn,
  ) {}

  @Get('/:server/authorize')
  @RouteDoc('Where a client sends its user to sign in at a server (RFC 6749 §4.1.1)')
  async begin(@Req() request: Request, @Res() response: Response, @Param('server') name: string): Promise<void> {
    const seconds = this.#begun.tooMany(this.address.clientAddress(request));
    if (seconds !== undefined) {
      throw new OAuthRefusal('slow_down', 'too many tries', 429, { retryAfterSeconds: seconds });
    }
    await this.signIn.begin(request, response, this.servers.named(request, name), readQuery(request));
  }

  @Post('/:server/authorize')
  @RouteDoc('What the person decided, sent by the form of that page')
  async decide(@Req() request: Request, @Res() response: Response, @Param('server') name: string): Promise<void> {
    await this.signIn.decide(request, response, this.servers.named(request, name), await readForm(request));
  }
}
