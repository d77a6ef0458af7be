import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';
import { BrowserCookies } from './browser-cookies.js';
import { BrowserEndpoint } from './endpoint.decorator.js';
import { FlowStore } from './flow.store.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { readQuery } from './read-body.js';
import { CALLBACK_PATH, UpstreamReturns } from './upstream-returns.js';

/** Where authorization servers of servers send browsers back to. `state` is the handle of a flow of this very browser, good once. */
@Controller()
@BrowserEndpoint()
export class CallbackController {
  constructor(
    @Inject(BrowserCookies) private readonly cookies: BrowserCookies,
    @Inject(FlowStore) private readonly flows: FlowStore,
    @Inject(UpstreamReturns) private readonly returns: UpstreamReturns,
  ) {}

  @Get(CALLBACK_PATH)
  @RouteDoc('Where a browser comes back to from signing in at a server')
  async back(@Req() request: Request, @Res() response: Response): Promise<void> {
    const parameters = readQuery(request);
    const [state = '', ...others] = parameters.getAll('state');
    const browser = this.cookies.browser(request);
    if (browser === undefined || others.length > 0) throw incomplete();
    for (const flow of this.returns.all()) {
      const taken = await this.flows.take(flow.kind, state, browser);
      if (taken === undefined) continue;
      if (taken.kind === 'used') throw incomplete();
      response.setHeader('Cache-Control', 'no-store');
      response.setHeader('Referrer-Policy', 'no-referrer');
      return flow.resume({ request, response, payload: taken.payload, parameters });
    }
    throw incomplete();
  }
}

/** Another browser, too late, a second time, or never begun: nobody is told which. In the incumbent's words. */
function incomplete(): OAuthRefusal {
  return new OAuthRefusal('access_denied', 'Authentication incomplete. You can close this window.', 400);
}
