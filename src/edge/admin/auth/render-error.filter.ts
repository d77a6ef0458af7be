import { randomUUID } from 'node:crypto';
import { Catch, HttpException, Inject, Injectable, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { LOGGER } from '../../../platform/telemetry/logger.token.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { openAiErrorType, openAiTypeOfStatus } from './openai-error-type.js';
import { principalOf, refusalOf, wantsOpenAiErrors } from './request-identity.js';
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
    // A known caller who reads 401 (the incumbent's status for some refusals) is not asked to identify themselves.
    if (error instanceof GatewayError && error.kind.status === 401 && principalOf(request) === undefined) {
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
    const openAi = wantsOpenAiErrors(request);
    if (error instanceof ValidationFailed) return { status: 422, body: { detail: error.problems } };
    if (error instanceof GatewayError && error.code !== 'internal/bug') {
      this.#logExpected(error, request);
      return openAi ? openAiBody(error) : detailBody(error);
    }
    if (error instanceof HttpException && error.getStatus() < 500) return renderHttpException(error, openAi);
    const callId = randomUUID();
    this.#logger.error(
      { err: error, callId, method: request.method, path: request.path },
      'a control-plane request met a bug',
    );
    return { status: 500, body: openAi ? openAiBug(callId) : detailBug(callId) };
  }

  #logExpected(error: GatewayError, request: Request): void {
    if (error.kind.logLevel === 'debug') return;
    this.#logger[error.kind.logLevel](
      { err: error, method: request.method, path: request.path },
      'a control-plane request failed',
    );
  }
}

function detailBody({ kind, code, publicMessage, data }: GatewayError): Rendered {
  return {
    status: kind.status,
    body: { detail: { error: publicMessage, code, ...(data === undefined ? {} : { data }) } },
  };
}

/** `code` is the status as text, as the incumbent has it; ours is beside it. `data` may name `type` and `param`. */
function openAiBody(error: GatewayError): Rendered {
  const { status } = error.kind;
  const param = error.data?.['param'];
  return {
    status,
    body: {
      error: {
        message: error.publicMessage,
        type: openAiErrorType(error),
        param: typeof param === 'string' ? param : null,
        code: String(status),
        error_code: error.code,
      },
    },
  };
}

function detailBug(callId: string): object {
  return { detail: { error: 'Internal error', code: 'internal/bug', call_id: callId } };
}

function openAiBug(callId: string): object {
  return {
    error: {
      message: 'Internal error',
      type: openAiTypeOfStatus(500),
      param: null,
      code: '500',
      error_code: 'internal/bug',
      call_id: callId,
    },
  };
}

function isExpected(error: unknown): boolean {
  return error instanceof GatewayError || (error instanceof HttpException && error.getStatus() < 500);
}

/** The body parser passes on what its checks throw in wrappers of its own. */
function unwrap(thrown: unknown): unknown {
  return thrown instanceof HttpException && thrown.cause instanceof GatewayError ? thrown.cause : thrown;
}

/** Nest's own refusals and those of the body parser, in our words: theirs may quote what was sent. */
function renderHttpException(exception: HttpException, openAi: boolean): Rendered {
  const status = exception.getStatus();
  const code = CODE_OF_STATUS[status];
  if (code !== undefined) {
    const error = new GatewayError(code);
    return { status, body: (openAi ? openAiBody(error) : detailBody(error)).body };
  }
  const message = 'The request was refused';
  const body = openAi
    ? { error: { message, type: openAiTypeOfStatus(status), param: null, code: String(status) } }
    : { detail: { error: message } };
  return { status, body };
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
