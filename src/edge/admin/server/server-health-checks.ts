import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { dependsOnCaller } from '../../../core/access/depends-on-caller.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { UpstreamProbe } from '../../../engine/upstream/probe.js';
import type { RegistrySettings } from '../../../platform/config/settings.js';
import { REGISTRY_SETTINGS } from '../../../platform/config/tokens.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import type { KnownHealth } from './server.presenter.js';

/** An answer this young is given again: whoever polls us does not make us poll everybody. */
const FRESH_MS = 10_000;
/** Servers asked at once, by whomever. */
const AT_ONCE_MAX = 8;
/** Of those, in the background. */
const BACKGROUND_AT_ONCE_MAX = 2;

/**
 * How the servers fare: asked on demand, and now and then in the background. One question to a server at a time, few at
 * once altogether; the background starts no processes. What is remembered belongs to entries, so it goes when they change.
 */
@Injectable()
export class ServerHealthChecks implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #known = new WeakMap<ServerEntry, KnownHealth>();
  readonly #running = new Map<ServerEntry, Promise<KnownHealth>>();
  readonly #waiting: (() => void)[] = [];
  #free = AT_ONCE_MAX;
  #timer: NodeJS.Timeout | undefined;
  #isRoundRunning = false;
  #closed = false;

  constructor(
    private readonly registry: RegistryService,
    private readonly probe: UpstreamProbe,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.healthCheckMs === 0) return;
    this.#timer = setInterval(() => void this.#round(), this.settings.healthCheckMs).unref();
  }

  onModuleDestroy(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  /** What was found last; undefined: nobody has asked yet. */
  known(entry: ServerEntry): KnownHealth | undefined {
    return this.#known.get(entry);
  }

  /** Asks, unless somebody just did. Never rejects: what went wrong is the answer. */
  async check(entry: ServerEntry): Promise<KnownHealth> {
    const known = this.#known.get(entry);
    if (known?.checkedAt !== undefined && Date.now() - known.checkedAt.getTime() < FRESH_MS) return known;
    if (needsClient(entry)) return { status: 'unknown', checkedAt: undefined, error: undefined };
    const running = this.#running.get(entry) ?? this.#ask(entry);
    this.#running.set(entry, running);
    return running;
  }

  async #ask(entry: ServerEntry): Promise<KnownHealth> {
    await this.#enter();
    let health: KnownHealth;
    try {
      await this.probe.check(entry);
      health = { status: 'healthy', checkedAt: new Date(), error: undefined };
    } catch (error) {
      const words = error instanceof GatewayError ? error.publicMessage : 'Internal error';
      health = { status: 'unhealthy', checkedAt: new Date(), error: words };
    } finally {
      this.#running.delete(entry);
      this.#leave();
    }
    this.#known.set(entry, health);
    return health;
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  /** All servers, a few at a time; children only where one is running anyway. */
  async #round(): Promise<void> {
    if (this.#isRoundRunning) return;
    this.#isRoundRunning = true;
    const entries = this.registry.current.servers.filter(
      (entry) => entry.endpoint.kind === 'http' || this.probe.isReady(entry),
    );
    const next = async (): Promise<void> => {
      for (let entry = entries.shift(); entry !== undefined && !this.#closed; entry = entries.shift()) {
        if (this.registry.current.byId.get(entry.id) === entry) await this.check(entry);
      }
    };
    await Promise.all(Array.from({ length: BACKGROUND_AT_ONCE_MAX }, next));
    this.#isRoundRunning = false;
  }
}

/** Nothing can be said of a server that lives on what clients bring (reference §9.7). */
function needsClient(entry: ServerEntry): boolean {
  const { auth, endpoint } = entry;
  if (dependsOnCaller(entry) || (auth.type !== 'oauth2' && 'value' in auth && auth.value === undefined)) return true;
  return endpoint.kind === 'stdio' && Object.values(endpoint.env).some((value) => value.reveal().startsWith('${X-'));
}
