import { Injectable } from '@nestjs/common';
import type { CallerPlace } from '../../../core/access/resolve-view.js';
import type { Principal } from '../../../core/model/principal.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { readsAll } from './server-access.js';
import { ServerHealthChecks } from './server-health-checks.js';
import { ServerReading } from './server-reading.service.js';

export interface ReportedHealth {
  readonly server_id: string;
  readonly status: 'healthy' | 'unhealthy' | 'unknown';
  readonly last_health_check: string | null;
  readonly health_check_error: string | null;
}

/** Asks servers how they are, for callers who may see them: who may not makes nobody ask (defect 23). */
@Injectable()
export class ServerHealthReport {
  constructor(
    private readonly reading: ServerReading,
    private readonly registry: RegistryService,
    private readonly checks: ServerHealthChecks,
  ) {}

  /** Ids, names or aliases; unknown and denied ones are left out alike. Undefined: all. */
  async of(
    caller: Principal,
    place: CallerPlace,
    handles: readonly string[] | undefined,
  ): Promise<readonly ReportedHealth[]> {
    const { byHandle } = this.registry.current;
    const named = handles && new Set(handles.map((handle) => byHandle.get(handle.toLowerCase())));
    const entries = this.reading.visible(caller, place).filter((entry) => named === undefined || named.has(entry));
    return Promise.all(
      entries.map(async (entry) => {
        const { status, checkedAt, error } = await this.checks.check(entry);
        return {
          server_id: entry.id,
          status,
          last_health_check: checkedAt?.toISOString() ?? null,
          health_check_error: readsAll(caller) ? (error ?? null) : null,
        };
      }),
    );
  }
}
