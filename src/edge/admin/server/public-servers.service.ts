import { Injectable } from '@nestjs/common';
import { isRecord } from '../../../core/definition/field-checks.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { ControlWriter } from '../../../platform/database/control-writer.js';
import { PUBLIC_SERVERS_SETTING, readPublicList } from '../../../state/registry/public-list.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { demandProxyAdmin } from './server-access.js';

/** The public list: what is shown without a credential, and to callers from outside. */
@Injectable()
export class PublicServers {
  constructor(
    private readonly writer: ControlWriter,
    private readonly registry: RegistryService,
  ) {}

  /** Replaces the stored list; servers that the file lists stay public. Answers the ids. */
  async replace(actor: Principal, body: unknown): Promise<readonly string[]> {
    demandProxyAdmin(actor, `Only proxy admins can update public mcp servers. Your role=${actor.role}`);
    const given = isRecord(body) ? body['mcp_server_ids'] : undefined;
    if (!Array.isArray(given) || !given.every((id) => typeof id === 'string')) {
      throw new ValidationFailed([problemAt(['mcp_server_ids'], 'must be a list of server ids')]);
    }
    const ids = [...new Set(given.map((handle) => this.#idOf(handle)))];
    await this.writer.write(actor, async ({ tx, changed, audit }) => {
      const key = PUBLIC_SERVERS_SETTING;
      const before = await tx.gatewaySetting.findUnique({ where: { key } });
      const value = JSON.stringify(ids);
      await tx.gatewaySetting.upsert({ where: { key }, create: { key, value }, update: { value } });
      changed('setting', key);
      audit({
        action: 'updated',
        objectKind: 'setting',
        objectId: key,
        before: { public_mcp_servers: readPublicList(before?.value) },
        after: { public_mcp_servers: ids },
      });
    });
    return ids;
  }

  /** What the hub shows: servers on the list, and those whose own `mcp_info` says so. Being reachable is not being shown. */
  onHub(): readonly ServerEntry[] {
    const { servers, publicServers } = this.registry.current;
    return servers.filter(({ id, info }) => publicServers.has(id) || info['is_public'] === true);
  }

  #idOf(handle: string): string {
    const entry = this.registry.current.byHandle.get(handle.toLowerCase());
    if (entry === undefined) {
      throw new GatewayError('server/not_found', { detail: `MCP Server with ID ${handle} not found` });
    }
    return entry.id;
  }
}
