import { Injectable } from '@nestjs/common';
import { UpstreamPool } from '../../engine/upstream/upstream-pool.js';
import { RegistryService } from '../../state/registry/registry.service.js';

export interface ServerHealth {
  readonly server_id: string;
  readonly server_name: string;
  readonly alias: string | null;
  /** `unknown` until somebody asked it; `open`: it fails and is left alone for a moment. */
  readonly status: 'unknown' | 'healthy' | 'unhealthy' | 'open';
  readonly last_error: string | null;
  /** ISO 8601; null while unknown. */
  readonly since: string | null;
}

export interface ServersHealth {
  readonly status: 'healthy' | 'degraded';
  readonly servers: readonly ServerHealth[];
  readonly rejected: readonly { readonly name: string; readonly origin: string; readonly reason: string }[];
}

const STATUS = { unknown: 'unknown', ready: 'healthy', failing: 'unhealthy', open: 'open' } as const;

/** The registered servers as the pool knows them. */
@Injectable()
export class ServerHealthService {
  constructor(
    private readonly registry: RegistryService,
    private readonly upstreams: UpstreamPool,
  ) {}

  report(): ServersHealth {
    const { servers, rejected } = this.registry.current;
    const reports = servers.map((entry): ServerHealth => {
      const { state, lastError, lastChangeAt } = this.upstreams.status(entry);
      return {
        server_id: entry.id,
        server_name: entry.name,
        alias: entry.alias ?? null,
        status: STATUS[state],
        last_error: lastError ?? null,
        since: state === 'unknown' ? null : new Date(lastChangeAt).toISOString(),
      };
    });
    const degraded = rejected.length > 0 || reports.some(({ status }) => status === 'unhealthy' || status === 'open');
    return { status: degraded ? 'degraded' : 'healthy', servers: reports, rejected };
  }
}
