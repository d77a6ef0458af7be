import { randomUUID } from 'node:crypto';
import { Catch, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { errorPage, sendPage } from './browser-page.js';
import { OAuthRefusal } from './oauth-refusal.js';

/** What went wrong, in the words of OAuth; a bug shows a call id and nothing else. */
export function toRefusal(thrown: unknown, log: (callId: string) => void): OAuthRefusal {
  if (thrown instanceof OAuthRefusal) return thrown;
  if (thrown instanceof GatewayError && thrown.code !== 'internal/bug') {
    const { status, retryable } = thrown.kind;
    const { retryAfterSeconds } = thrown;
    const code = retryable ? 'temporarily_unavailable' : status < 500 ? 'invalid_request' : 'server_error';
    return new OAuthRefusal(code, thrown.publicMessage, status, {
      cause: thrown,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }
  const callId = randomUUID();
  log(callId);
  return new OAuthRefusal('server_error', `Internal error (call ${callId})`, 500, { cause: thrown });
}

/** What both renderings have in common: a refusal is told, a bug is logged under its call id. */
abstract class RefusalFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(
    logger: Logger,
    private readonly whose: string,
  ) {
    this.#logger = logger.child({ room: 'oauth' });
  }

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const [request, response] = [http.getRequest<Request>(), http.getResponse<Response>()];
    const refusal = toRefusal(thrown, (callId) => {
      this.#logger.error({ err: thrown, callId, path: request.path }, `${this.whose} met a bug`);
    });
    this.#logger.debug({ err: refusal, path: request.path }, `${this.whose} was refused`);
    if (response.headersSent) return void response.destroy();
    prepare(request, response, refusal);
    this.render(request, response, refusal);
  }

  protected abstract render(request: Request, response: Response, refusal: OAuthRefusal): void;
}

/** Errors for programs: RFC 6749 §5.2. */
@Injectable()
@Catch()
export class OAuthErrorFilter extends RefusalFilter {
  constructor(@Inject(LOGGER) logger: Logger) {
    super(logger, 'a request of an OAuth client');
  }

  protected render(request: Request, response: Response, refusal: OAuthRefusal): void {
    // RFC 6749 §5.2: who tried by the header is told of the header.
    if (refusal.code === 'invalid_client' && request.headers.authorization !== undefined) {
      response.setHeader('WWW-Authenticate', 'Basic realm="gatehouse"');
    }
    response.setHeader('Cache-Control', 'no-store');
    response.status(refusal.status).json({ error: refusal.code, error_description: refusal.description });
  }
}

/** Errors for people: a page. */
@Injectable()
@Catch()
export class BrowserErrorFilter extends RefusalFilter {
  constructor(@Inject(LOGGER) logger: Logger) {
    super(logger, 'a page');
  }

  protected render(_request: Request, response: Response, refusal: OAuthRefusal): void {
    sendPage(response, errorPage(sentence(refusal.description), refusal.status));
  }
}

function prepare(request: Request, response: Response, { retryAfterSeconds }: OAuthRefusal): void {
  if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(retryAfterSeconds));
  // What was not read of the request's body would be taken for the next request.
  if (!request.complete) response.setHeader('Connection', 'close');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
