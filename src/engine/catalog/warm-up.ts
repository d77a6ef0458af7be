import { Inject, Injectable } from '@nestjs/common';
import { EMPTY_OFFER } from '../../core/model/client-offer.js';
import { NO_GRANTS } from '../../core/model/permission.js';
import type { Principal } from '../../core/model/principal.js';
import { dependsOnCaller } from '../../core/access/depends-on-caller.js';
import { resolveView } from '../../core/access/resolve-view.js';
import { SCOPE_ALL } from '../../core/access/request-scope.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { Catalog } from './catalog.js';
import type { Caller } from './caller.js';

/** Servers asked at once; a stdio server is a process to be started. */
const CONCURRENCY = 8;

/** Result of asking every server once. */
export interface WarmUpReport {
  readonly ready: number;
  readonly total: number;
  /** By server name: why it is not ready. */
  readonly failures: Readonly<Record<string, string>>;
}

/** The gateway itself, looking at every server with its own credentials only. */
const GATEWAY: Principal = Object.freeze({ kind: 'master_key', id: 'gateway', role: 'proxy_admin', grants: NO_GRANTS });

/** Fills the tool lists before the first client asks, a few servers at a time. */
@Injectable()
export class WarmUp {
  constructor(
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {}

  /** Never throws; a server that does not answer is reported. */
  async run(): Promise<WarmUpReport> {
    const decision = resolveView(this.registry.current, GATEWAY, SCOPE_ALL);
    const visible = decision.kind === 'view' ? decision.view.servers : [];
    // Nobody has logged in to them yet: they show themselves to those who do.
    const servers = visible.filter(({ entry }) => !dependsOnCaller(entry));
    const caller: Caller = {
      principal: GATEWAY,
      offer: EMPTY_OFFER,
      owner: { key: 'gateway:warm-up', onNotification: () => undefined },
    };
    const failures: Record<string, string> = {};
    const queue = [...servers];
    const worker = async (): Promise<void> => {
      for (let server = queue.shift(); server !== undefined; server = queue.shift()) {
        try {
          await this.catalog.listOf('tools', server, caller);
        } catch (error) {
          failures[server.entry.name] = error instanceof Error ? error.message : String(error);
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    const total = servers.length;
    return { ready: total - Object.keys(failures).length, total, failures };
  }
}
