import type { IncomingHttpHeaders } from 'node:http';
import { Body, Controller, Headers, HttpCode, Post } from '@nestjs/common';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { RequireRole } from '../auth/require-role.decorator.js';
import { readCredential } from '../../../state/identity/read-credential.js';
import { ServerTestService } from './server-test.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';
import { ServerBodyDefinition } from '../../../core/definition/server-body.definition.js';

interface TestFailure {
  readonly status: 'error';
  readonly code: string;
  readonly message: string;
}

/**
 * Try before saving. Proxy administrators only: it makes the gateway dial or run what the body says. A server that does
 * not work is an answer, not an error: 200 with the reason.
 */
@Controller('/mcp-rest/test')
@RequireRole('proxy_admin')
export class ServerTestController {
  constructor(private readonly service: ServerTestService) {}

  @Post('connection')
  @RouteDoc('Tries a server without storing it', { body: ServerBodyDefinition })
  @HttpCode(200)
  async connection(
    @Body() body: unknown,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<{ readonly status: 'ok' } | TestFailure> {
    try {
      await this.service.connect(body, readCredential(headers).upstreamAuthorization);
      return { status: 'ok' };
    } catch (error) {
      return failureOf(error);
    }
  }

  @Post('tools/list')
  @RouteDoc('The tools of a server that is not stored', { body: ServerBodyDefinition })
  @HttpCode(200)
  async toolsList(@Body() body: unknown, @Headers() headers: IncomingHttpHeaders): Promise<object> {
    try {
      const tools = await this.service.listTools(body, readCredential(headers).upstreamAuthorization);
      return { tools, error: null, message: 'Successfully retrieved tools' };
    } catch (error) {
      const failure = failureOf(error);
      return { ...failure, tools: [], error: failure.code };
    }
  }
}

/** What the server did wrong is told; anything else is for the error filter. */
function failureOf(error: unknown): TestFailure {
  if (!(error instanceof GatewayError) || !error.code.startsWith('upstream/')) throw error;
  return { status: 'error', code: error.code, message: error.publicMessage };
}
