import { randomUUID } from 'node:crypto';
import { Catch, HttpException, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { LOGGER } from '../../../platform/telemetry/logger.token.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { refusalOf } from './request-identity.js';
import { ValidationFailed } from './validation.pipe.js';

interface Rendered {
  readonly status: number;
  readonly body: object;
}

/**
 * The one place where the control plane turns errors into answers (contract §10 and §14). Whoever has not identified
 * themselves reads 401 whatever went wrong, so that neither routes nor bodies can be probed. A bug shows a call id and
 * nothing else; what happened is in the log under that id.
 */
@Injectable()
@Catch()
export class RenderErrorFilter implements ExceptionFilter {
  readonly #logger: Logger;
  readonly #address: PublicAddress;

  constructor(@Inject(LOGGER) logger: Logger, @Inject(PublicAddress) address: PublicAddress) {
    this.#logger = logger.child({ room: 'admin' });
    this.#address = address;
  }

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const cause = unwrap(thrown);
    const refusal = refusalOf(request);
    const error = refusal ?? cause;
    if (refusal !== undefined && !isExpected(cause)) {
      this.#logger.error({ err: cause, path: request.path }, 'a control-plane request of a stranger met a bug');
    }
    if (response.headersSent) {
      this.#logger.error({ err: error }, 'a control-plane answer broke off');
      response.destroy();
      return;
    }
    if (error instanceof GatewayError && error.kind.status === 401) {
      const metadata = `${this.#address.baseUrl(request)}/.well-known/oauth-protected-resource`;
      response.setHeader('WWW-Authenticate', `Bearer resource_metadata="${metadata}"`);
    }
    if (error instanceof GatewayError && error.retryAfterSeconds !== undefined) {
      response.setHeader('Retry-After', String(error.retryAfterSeconds));
    }
    const { status, body } = this.#render(error, request);
    // What was not read of the request's body would be taken for the next request.
    if (!request.complete) response.setHeader('Connection', 'close');
    response.status(status).json(body);
  }

  #render(error: unknown, request: Request): Rendered {
    if (error instanceof ValidationFailed) return { status: 422, body: { detail: error.problems } };
    if (error instanceof GatewayError && error.code !== 'internal/bug') return this.#renderGatewayError(error, request);
    if (error instanceof HttpException && error.getStatus() < 500) return renderHttpException(error);
    const callId = randomUUID();
    this.#logger.error(
      { err: error, callId, method: request.method, path: request.path },
      'a control-plane request met a bug',
    );
    return { status: 500, body: { detail: { error: 'Internal error', code: 'internal/bug', call_id: callId } } };
  }

  #renderGatewayError(error: GatewayError, request: Request): Rendered {
    const { kind, code, publicMessage, data } = error;
    if (kind.logLevel !== 'debug') {
      this.#logger[kind.logLevel](
        { err: error, method: request.method, path: request.path },
        'a control-plane request failed',
      );
    }
    return {
      status: kind.status,
      body: { detail: { error: publicMessage, code, ...(data === undefined ? {} : { data }) } },
    };
  }
}

function isExpected(error: unknown): boolean {
  return error instanceof GatewayError || (error instanceof HttpException && error.getStatus() < 500);
}

/** The body parser passes on what its checks throw in wrappers of its own. */
function unwrap(thrown: unknown): unknown {
  return thrown instanceof HttpException && thrown.cause instanceof GatewayError ? thrown.cause : thrown;
}

/** Nest's own refusals and those of the body parser, in our words: theirs may quote what was sent. */
function renderHttpException(exception: HttpException): Rendered {
  const status = exception.getStatus();
  const code = CODE_OF_STATUS[status];
  const error = code === undefined ? undefined : new GatewayError(code);
  return {
    status,
    body: {
      detail: { error: error?.publicMessage ?? 'The request was refused', ...(code === undefined ? {} : { code }) },
    },
  };
}

const CODE_OF_STATUS: Readonly<
  Record<
    number,
    | 'rpc/parse_error'
    | 'http/not_found'
    | 'http/method_not_allowed'
    | 'http/body_too_large'
    | 'http/unsupported_media_type'
    | 'auth/forbidden'
    | 'auth/required'
  >
> = {
  400: 'rpc/parse_error',
  401: 'auth/required',
  403: 'auth/forbidden',
  404: 'http/not_found',
  405: 'http/method_not_allowed',
  413: 'http/body_too_large',
  415: 'http/unsupported_media_type',
};
