import { Inject, Injectable } from '@nestjs/common';
import { readVersion } from '../../platform/config/project-root.js';
import { SERVING_STATE, type ServingState } from '../../platform/config/serving-state.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { DatabasePulse } from './database-pulse.js';

/** What an administrator reads beside the status. */
export interface ReadinessDetails {
  readonly version: string;
  readonly worker: { readonly index: number; readonly count: number };
  readonly draining: boolean;
  readonly database: 'connected' | 'unreachable';
  readonly registry: {
    readonly version: number;
    readonly servers: number;
    readonly in_sync: boolean;
    readonly last_error: string | null;
    readonly rejected: readonly { readonly name: string; readonly origin: string; readonly reason: string }[];
  };
}

/**
 * Whether this process should be sent traffic: the database answers and it is not shutting down. (The registry is loaded
 * before anybody can ask; a configuration file that cannot be used any more leaves the last good one serving.)
 */
@Injectable()
export class ReadinessService {
  readonly #version = readVersion();

  constructor(
    private readonly pulse: DatabasePulse,
    private readonly registry: RegistryService,
    @Inject(SERVING_STATE) private readonly serving: ServingState,
    @Inject(WORKER) private readonly worker: Worker,
  ) {}

  async check(): Promise<{ readonly ready: boolean; readonly details: ReadinessDetails }> {
    const reachable = await this.pulse.reachable();
    const { draining } = this.serving;
    const { version, inSync, lastError, rejected } = this.registry.status();
    const details: ReadinessDetails = {
      version: this.#version,
      worker: { index: this.worker.index, count: this.worker.count },
      draining,
      database: reachable ? 'connected' : 'unreachable',
      registry: {
        version,
        servers: this.registry.current.servers.length,
        in_sync: inSync,
        last_error: lastError ?? null,
        rejected,
      },
    };
    return { ready: reachable && !draining, details };
  }
}
