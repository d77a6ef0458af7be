import type { IncomingMessage } from 'node:http';
import { json, type Request, type RequestHandler } from 'express';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Limits } from '../../../core/model/limits.js';
import { nestsDeeperThan } from '../../../core/protocol/json-scan.js';
import { principalOf } from './request-identity.js';

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\b/i;

/**
 * Reads JSON bodies of callers who are known, within the limits of contract §12. A stranger's body is left where it is:
 * they read 401 whatever they sent.
 */
export function jsonBody(limits: Limits): RequestHandler {
  const read = json({
    limit: limits.requestBodyBytesMax,
    type: (request: IncomingMessage) =>
      JSON_TYPE.test(request.headers['content-type'] ?? '') && principalOf(request as Request) !== undefined,
    verify: (_request, _response, body) => {
      if (nestsDeeperThan(body.toString('utf8'), limits.jsonDepthMax)) {
        throw new GatewayError('rpc/parse_error', {
          detail: `the body nests deeper than ${limits.jsonDepthMax} levels`,
        });
      }
    },
  });
  return (request, response, next) => {
    const announced = Number(request.headers['content-length'] ?? 0);
    // The parser would answer only after it has discarded all of it.
    if (announced > limits.requestBodyBytesMax && principalOf(request) !== undefined) {
      next(
        new GatewayError('http/body_too_large', {
          detail: `at most ${limits.requestBodyBytesMax} bytes (limits.request_body_bytes)`,
        }),
      );
    } else read(request, response, next);
  };
}
