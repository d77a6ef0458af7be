import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { stdioRefusal } from '../../core/definition/stdio-admission.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { HttpEndpoint } from '../../core/model/server-entry.js';
import { PRODUCT } from '../../core/protocol/product.js';
import { CHILD_ENVIRONMENT, type ChildEnvironment } from '../../platform/config/child-environment.js';
import type { StdioSettings } from '../../platform/config/settings.js';
import { STDIO_SETTINGS } from '../../platform/config/tokens.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import type { ConnectOptions, UpstreamConnection } from './connection.js';
import type { EraMemory } from './era-memory.js';
import { openInEra } from './era-negotiation.js';
import type { TransportKind } from './pooled-connection.js';
import { openHttpConnection } from './transport/open-http.js';
import { openModernHttp } from './transport/open-modern-http.js';
import { openSse } from './transport/open-sse.js';
import { openStdio } from './transport/open-stdio.js';
import type { HttpTransport, TransportMemory } from './transport-memory.js';
import { HttpStatusError } from './upstream-error.js';

export interface OpenedUpstream {
  readonly kind: TransportKind;
  readonly connection: UpstreamConnection;
}

/** Statuses by which a server says that it does not speak this transport (2025-03-26, "Backwards Compatibility"). */
const MISMATCH_STATUSES: ReadonlySet<number> = new Set([400, 404, 405, 406, 415]);

/** Opens a session over the transport that the entry names, or that its server turns out to speak. */
@Injectable()
export class UpstreamOpener {
  constructor(
    @Inject(HttpClient) private readonly client: HttpClient,
    @Inject(STDIO_SETTINGS) private readonly stdio: StdioSettings,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CHILD_ENVIRONMENT) private readonly environment: ChildEnvironment,
  ) {}

  /** Throws `upstream/*`. */
  async open(options: ConnectOptions, memory: TransportMemory, eras: EraMemory): Promise<OpenedUpstream> {
    const { endpoint } = options.entry;
    if (endpoint.kind === 'http') return this.#openHttp(endpoint, options, memory, eras);
    const refusal = stdioRefusal(options.entry, this.stdio);
    if (refusal !== undefined) throw new GatewayError('upstream/spawn_refused', { detail: refusal });
    const context = {
      logger: this.logger,
      clientVersion: PRODUCT.version,
      environment: this.environment,
      stdio: this.stdio,
    };
    const connection = await openStdio(options, context, eras);
    return { kind: 'stdio', connection };
  }

  async #openHttp(
    endpoint: HttpEndpoint,
    options: ConnectOptions,
    memory: TransportMemory,
    eras: EraMemory,
  ): Promise<OpenedUpstream> {
    const { protocolEra } = options.entry;
    // HTTP+SSE is of the legacy era.
    const [first, second] = protocolEra === 'modern' ? (['http'] as const) : memory.order(endpoint);
    try {
      return await this.#openOver(first, options, memory, eras);
    } catch (error) {
      if (second === undefined || !isMismatch(error, first)) throw error;
      try {
        return await this.#openOver(second, options, memory, eras);
      } catch (secondError) {
        const { name } = options.entry;
        this.logger.debug({ server: name, transport: second, err: secondError }, 'the other transport failed as well');
        // What the first one ran into says more, unless the second one got further.
        throw isMismatch(secondError, second) || !(secondError instanceof GatewayError) ? error : secondError;
      }
    }
  }

  async #openOver(
    transport: HttpTransport,
    options: ConnectOptions,
    memory: TransportMemory,
    eras: EraMemory,
  ): Promise<OpenedUpstream> {
    const { entry, limits } = options;
    const handshakeTimeoutMs = entry.timeoutMs ?? limits.listTimeoutMs;
    const context = { http: this.client, clientVersion: PRODUCT.version, handshakeTimeoutMs };
    const connection =
      transport === 'http'
        ? await openInEra(
            {
              modern: () => openModernHttp({ ...options, ...context }),
              legacy: () => openHttpConnection({ ...options, ...context }),
            },
            eras,
            options.credential.identity,
            entry,
          )
        : await openSse(options, { ...context, logger: this.logger });
    memory.learn(transport);
    return { kind: transport, connection };
  }
}

/**
 * Never on 401, 403, 5xx or network errors: they say nothing about the transport. For HTTP+SSE, whose first answer is a
 * stream that names an endpoint, anything else than that is a mismatch as well.
 */
function isMismatch(error: unknown, transport: HttpTransport): boolean {
  if (!(error instanceof GatewayError) || error.code !== 'upstream/bad_reply') return false;
  if (error.cause instanceof HttpStatusError) return MISMATCH_STATUSES.has(error.cause.status);
  return transport === 'sse';
}
