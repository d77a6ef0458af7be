import { Injectable } from '@nestjs/common';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import { announceOwners } from '../permission/announce-owners.store.js';
import { PUBLIC_SERVERS_SETTING, readPublicList } from '../../../state/registry/public-list.js';

/** A server that is going away. */
export interface LeavingServer {
  readonly id: string;
  readonly name: string;
  readonly alias: string | null;
}

/** Everything that names a server beside its own row. */
@Injectable()
export class ServerGrants {
  /**
   * Takes a server out of grants, toolsets, access groups and the public list, in the transaction that deletes it (contract
   * §10, defect 26). Nobody gains by it: a grant that named only this server grants nothing from then on. Answers how many
   * grants there were.
   */
  async remove(unit: ControlUnit, { id, name, alias }: LeavingServer): Promise<number> {
    const { tx } = unit;
    const handles = [
      ...new Set([id, name, alias].flatMap((each) => (each === null ? [] : [each, each.toLowerCase()]))),
    ];
    await tx.toolsetTool.deleteMany({ where: { serverId: { in: handles } } });
    await tx.accessGroupServer.deleteMany({ where: { serverId: { in: handles } } });
    // An emptied `mcp_tool_permissions` says nothing (contract §9). Where it was all that was said, `[]` takes its place.
    const rows = await tx.$queryRaw<{ id: string }[]>`
      UPDATE object_permission SET
        mcp_servers = CASE
          WHEN mcp_servers IS NOT NULL THEN (
            SELECT coalesce(jsonb_agg(entry ORDER BY position), '[]'::jsonb)
            FROM jsonb_array_elements(mcp_servers) WITH ORDINALITY AS listed(entry, position)
            WHERE NOT (entry #>> '{}') = ANY(${handles}::text[])
          )
          WHEN mcp_access_groups IS NULL AND mcp_toolsets IS NULL
            AND mcp_tool_permissions - ${handles}::text[] = '{}'::jsonb THEN '[]'::jsonb
        END,
        mcp_tool_permissions = mcp_tool_permissions - ${handles}::text[]
      WHERE mcp_servers ?| ${handles}::text[] OR mcp_tool_permissions ?| ${handles}::text[]
      RETURNING id`;
    await announceOwners(unit, rows);
    await this.#removeFromPublicList(unit, handles);
    return rows.length;
  }

  async #removeFromPublicList({ tx, changed }: ControlUnit, handles: readonly string[]): Promise<void> {
    const setting = await tx.gatewaySetting.findUnique({ where: { key: PUBLIC_SERVERS_SETTING } });
    const list = readPublicList(setting?.value);
    const rest = list.filter((handle) => !handles.includes(handle));
    if (rest.length === list.length) return;
    await tx.gatewaySetting.update({ where: { key: PUBLIC_SERVERS_SETTING }, data: { value: JSON.stringify(rest) } });
    changed('setting', PUBLIC_SERVERS_SETTING);
  }
}
