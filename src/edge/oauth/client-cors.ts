import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

/** What clients that run in a browser ask: discovery, registration and tokens, of any issuer. Never pages. */
const CLIENT_PATH = /^(?:\/[^/]+){0,2}\/\.well-known\/|^(?:\/[^/]+)?\/(?:register|token|revoke)$/;
const MAX_AGE_S = '600';

/**
 * Lets web pages of any origin speak to the endpoints of OAuth clients: nothing there goes by a cookie, and credentials are
 * never allowed along.
 */
@Injectable()
export class ClientCors implements NestMiddleware {
  use(request: Request, response: Response, next: NextFunction): void {
    // `request.path` is below the mount point of the middleware.
    const path = request.originalUrl.split('?', 1)[0] ?? '';
    if (!CLIENT_PATH.test(path)) return next();
    response.setHeader('Access-Control-Allow-Origin', '*');
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      return next();
    }
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST, OPTIONS');
    const asked = request.headers['access-control-request-headers'];
    response.setHeader('Access-Control-Allow-Headers', asked ?? 'Authorization, Content-Type, MCP-Protocol-Version');
    response.setHeader('Access-Control-Max-Age', MAX_AGE_S);
    response.status(204).end();
  }
}
