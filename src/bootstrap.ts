import type { Server } from 'node:http';
import { isIP } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { DestinationStream } from 'pino';
import { AppModule } from './app.module.js';
import { GatewayError } from './core/errors/gateway-error.js';
import { DoorAdapter } from './door-adapter.js';
import { CallerIdentification } from './edge/admin/auth/caller-identification.js';
import { ApiDocument } from './edge/admin/openapi/api-document.js';
import { jsonBody } from './edge/admin/auth/json-body.js';
import { FrontDoor } from './edge/gateway/front-door.js';
import type { DeclaredSource } from './platform/config/declared-source.js';
import type { ListenSettings, Settings } from './platform/config/settings.js';
import { replicaAddress } from './platform/config/replica-address.js';
import { loneWorker, type Worker } from './platform/config/worker.js';
import { createLogger } from './platform/telemetry/logger.js';
import { NestLogger } from './platform/telemetry/nest-logger.js';
import { ReplicaDirectory } from './state/replica/replica-directory.js';

/** What `loadConfiguration` gives a gateway to run with. */
export interface GatewayConfiguration {
  readonly settings: Settings;
  readonly source: DeclaredSource;
}

export interface BootstrapOptions {
  /** Takes the log lines instead of stderr. */
  readonly logSink?: DestinationStream;
  /** Which process of a cluster this is. */
  readonly worker?: Worker;
}

/** A gateway that listens. */
export interface RunningGateway {
  readonly app: INestApplication;
  /** Where it listens, e.g. `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Drains, then frees everything; the order is that of the house plan. Idempotent. */
  close(): Promise<void>;
}

/**
 * Builds and starts the gateway. `main` and every end-to-end test come through here. Throws a GatewayError that says what
 * to do when the port or the database is not usable; nothing is left running then.
 */
export async function bootstrap(
  configuration: GatewayConfiguration,
  options: BootstrapOptions = {},
): Promise<RunningGateway> {
  const { settings, source } = configuration;
  const worker = options.worker ?? loneWorker();
  const logger = createLogger(settings.log, options.logSink);
  const adapter = new DoorAdapter(settings.limits, worker.count, settings.door.rootPath);
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot({ settings, source, logger, worker, servingState: adapter }),
    adapter,
    // The body parser comes after the door and after we know who is calling (below), not first in line.
    { bodyParser: false, abortOnError: false, logger: new NestLogger(logger) },
  );
  try {
    // MCP traffic is taken by the door and never reaches a controller. The global guard, pipe and filter below Express
    // (AdminAuthModule) therefore serve the control plane only; moving MCP into a controller would put all of them, and
    // Express, in the way of every call.
    adapter.setDoor(app.get(FrontDoor));
    app.get(ApiDocument).describe(app);
    app.disable('x-powered-by');
    app.set('etag', false);
    app.useSecurityHeaders();
    app.use(app.get(CallerIdentification).middleware);
    app.use(jsonBody(settings.limits));
    await app.init();
    if (worker.count > 1) await adapter.listenForSiblings(worker.siblingSocketPath(worker.index));
    await appear(app, settings.listen);
    return { app, url: urlOf(app), close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function listen(app: NestExpressApplication, { host, port }: ListenSettings): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw listenError(error, host, port);
  }
}

/**
 * Listens, and tells other replicas where: before, if that is known, so that none of them meets a session of a replica it
 * cannot find.
 */
async function appear(app: NestExpressApplication, settings: ListenSettings): Promise<void> {
  const { host, port, replicaUrl } = settings;
  const directory = app.get(ReplicaDirectory, { strict: false });
  const isKnown = port !== 0 && isIP(host) !== 0;
  const address = replicaUrl ?? (isKnown ? replicaAddress({ address: host, port }) : undefined);
  if (address !== undefined) await directory.announce(address);
  await listen(app, settings);
  const listening = app.getHttpServer().address();
  if (address !== undefined || typeof listening !== 'object' || listening === null) return;
  await directory.announce(replicaAddress(listening));
}

function listenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const where = `${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return new GatewayError('config/invalid', {
        cause: error,
        detail: `port ${port} on ${host} is already in use; stop what listens there, or choose another with --port`,
      });
    case 'EACCES':
      return new GatewayError('config/invalid', {
        cause: error,
        detail: `listening on ${where} is not permitted; choose a port above 1023 with --port`,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new GatewayError('config/invalid', {
        cause: error,
        detail: `${host} is not an address of this machine; choose one with --host`,
      });
    default:
      return error;
  }
}

function urlOf(app: INestApplication): string {
  const address = (app.getHttpServer() as Server).address();
  if (typeof address !== 'object' || address === null) return String(address);
  const { address: host, port, family } = address;
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`;
}
