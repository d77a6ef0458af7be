import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { IsInt } from 'class-validator';
import type { NextFunction, Request, Response } from 'express';
import { Field } from '../../src/core/definition/field-decorators.js';
import { text } from '../../src/core/definition/field-checks.js';
import { GatewayError } from '../../src/core/errors/gateway-error.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { NO_GRANTS } from '../../src/core/model/permission.js';
import type { Role } from '../../src/core/model/principal.js';
import { jsonBody } from '../../src/edge/admin/auth/json-body.js';
import { OpenAiErrors } from '../../src/edge/admin/auth/error-shape.decorator.js';
import { PrincipalGuard } from '../../src/edge/admin/auth/principal.guard.js';
import { RenderErrorFilter } from '../../src/edge/admin/auth/render-error.filter.js';
import { rememberFailure, rememberPrincipal } from '../../src/edge/admin/auth/request-identity.js';
import { RequireRole } from '../../src/edge/admin/auth/require-role.decorator.js';
import { validationPipe } from '../../src/edge/admin/auth/validation.pipe.js';
import { loadConfiguration } from '../../src/platform/config/load-configuration.js';
import { DOOR_SETTINGS } from '../../src/platform/config/tokens.js';
import { PublicAddress } from '../../src/platform/http/public-address.js';
import { createLogger } from '../../src/platform/telemetry/logger.js';
import { LOGGER } from '../../src/platform/telemetry/logger.token.js';

class Shape {
  @Field(text)
  name?: string;

  @IsInt()
  count?: number;
}

@Controller('/things')
class ThingsController {
  @Get('bug')
  bug(): never {
    throw new Error('the password is hunter2');
  }

  @Get('database')
  database(): never {
    throw new GatewayError('database/unavailable', { detail: 'host db-7 is away', retryAfterSeconds: 5 });
  }

  @Get('admin')
  @RequireRole('proxy_admin')
  admin(): string {
    return 'secret';
  }

  @Post()
  create(@Body() shape: Shape): Shape {
    return shape;
  }
}

@Controller('/key-like')
@OpenAiErrors()
class KeyLikeController {
  @Get('forbidden')
  forbidden(): never {
    throw new GatewayError('auth/forbidden', { detail: 'not yours', data: { param: 'key' } });
  }

  @Get('named')
  named(): never {
    throw new GatewayError('auth/forbidden', { data: { type: 'team_member_permission_error' } });
  }

  @Get('missing')
  missing(): never {
    throw new GatewayError('http/not_found');
  }

  @Get('database')
  database(): never {
    throw new GatewayError('database/unavailable', { detail: 'host db-7 is away' });
  }

  @Get('bug')
  bug(): never {
    throw new Error('the password is hunter3');
  }

  @Post()
  create(@Body() shape: Shape): Shape {
    return shape;
  }
}

const lines: string[] = [];

@Module({
  controllers: [ThingsController, KeyLikeController],
  providers: [
    PublicAddress,
    {
      provide: LOGGER,
      useFactory: () => createLogger({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) }),
    },
    {
      provide: DOOR_SETTINGS,
      useFactory: () => {
        const outcome = loadConfiguration({ argv: [], env: {}, cwd: '/' });
        return outcome.kind === 'loaded' ? outcome.settings.door : undefined;
      },
    },
    { provide: APP_GUARD, useClass: PrincipalGuard },
    { provide: APP_FILTER, useClass: RenderErrorFilter },
    { provide: APP_PIPE, useFactory: validationPipe },
  ],
})
class ThingsModule {}

/** The guard, the pipe and the filter that every admin route gets, around a controller that misbehaves. */
describe('the control plane says no', () => {
  let app: NestExpressApplication;
  let url: string;

  beforeAll(async () => {
    app = await NestFactory.create<NestExpressApplication>(ThingsModule, { bodyParser: false, logger: false });
    app.use((request: Request, _response: Response, next: NextFunction) => {
      const role = request.headers['x-role'];
      if (role === 'unknowable') rememberFailure(request, new GatewayError('database/unavailable'));
      else if (typeof role === 'string')
        rememberPrincipal(request, { kind: 'master_key', id: 'x', role: role as Role, grants: NO_GRANTS });
      next();
    });
    app.use(jsonBody(DEFAULT_LIMITS));
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });

  afterAll(() => app.close());

  async function send(
    path: string,
    role: string | undefined,
    body?: unknown,
  ): Promise<{ status: number; body: unknown; headers: Headers }> {
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', ...(role === undefined ? {} : { 'x-role': role }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: response.ok ? text : JSON.parse(text), headers: response.headers };
  }

  test('to a bug: 500, a call id and nothing else; the log has the rest under that id', async () => {
    const { status, body } = await send('/things/bug', 'proxy_admin');
    expect(status).toBe(500);
    const { detail } = body as { detail: { call_id: string } };
    expect(detail).toEqual({
      error: 'Internal error',
      code: 'internal/bug',
      call_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
    const logged = lines.find((line) => line.includes(detail.call_id));
    expect(logged).toContain('hunter2');
    expect(logged).toContain('control-plane-errors.spec');
  });

  test('to a failing database: 503 with Retry-After and the public sentence only', async () => {
    const { status, body, headers } = await send('/things/database', 'proxy_admin');
    expect([status, headers.get('retry-after')]).toEqual([503, '5']);
    expect(body).toEqual({ detail: { error: 'Database unavailable', code: 'database/unavailable' } });
  });

  test('to callers it could not identify, without letting them in: fails closed', async () => {
    expect((await send('/things/admin', 'unknowable')).status).toBe(503);
    expect((await send('/things/admin', undefined)).status).toBe(401);
    expect((await send('/things/bug', undefined)).status).toBe(401);
    expect((await send('/things', undefined, { count: 'x' })).status).toBe(401);
    expect((await send('/no/such/route', undefined)).status).toBe(401);
  });

  test('to the wrong role with 403, whatever the other roles are', async () => {
    for (const role of ['proxy_admin_viewer', 'org_admin', 'internal_user', 'internal_user_viewer']) {
      expect([role, (await send('/things/admin', role)).status]).toEqual([role, 403]);
    }
    expect(await send('/things/admin', 'proxy_admin')).toMatchObject({ status: 200, body: 'secret' });
  });

  test('to a body of the wrong shape with 422 and every problem', async () => {
    const { status, body } = await send('/things', 'proxy_admin', { name: 7, count: 'many' });
    expect(status).toBe(422);
    expect((body as { detail: { loc: string[]; msg: string; type: string }[] }).detail).toEqual([
      { loc: ['body', 'name'], msg: expect.stringMatching(/string/) as string, type: 'value_error' },
      { loc: ['body', 'count'], msg: expect.stringMatching(/integer/) as string, type: 'value_error' },
    ]);
    expect((await send('/things', 'proxy_admin', { name: 'a', count: 1 })).status).toBe(201);
  });

  test('to what is not there with 404', async () => {
    expect(await send('/no/such/route', 'proxy_admin')).toMatchObject({
      status: 404,
      body: { detail: { code: 'http/not_found' } },
    });
  });

  test('in the OpenAI shape where a controller says so, refusals of strangers and bugs included', async () => {
    const ask = async (path: string, role?: string) => (await send(`/key-like/${path}`, role)).body;
    expect(await ask('forbidden', 'internal_user')).toEqual({
      error: {
        message: 'Not allowed: not yours',
        type: 'auth_error',
        param: 'key',
        code: '403',
        error_code: 'auth/forbidden',
      },
    });
    expect(await ask('named', 'internal_user')).toMatchObject({ error: { type: 'team_member_permission_error' } });
    expect(await ask('missing', 'internal_user')).toMatchObject({ error: { type: 'not_found_error', code: '404' } });
    expect(await ask('database', 'internal_user')).toMatchObject({
      error: { message: 'Database unavailable', type: 'no_db_connection', code: '503' },
    });
    expect(await ask('missing')).toMatchObject({ error: { type: 'auth_error', code: '401', param: null } });
    const bug = await send('/key-like/bug', 'internal_user');
    expect([bug.status, JSON.stringify(bug.body)]).toEqual([500, expect.not.stringContaining('hunter3')]);
    expect(bug.body).toMatchObject({ error: { type: 'internal_server_error', code: '500' } });
    expect((await send('/key-like', 'internal_user', { count: 'x' })).body).toMatchObject({
      detail: [{ loc: ['body', 'count'] }],
    });
  });
});
