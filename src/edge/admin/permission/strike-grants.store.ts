import type { ControlUnit } from '../../../platform/database/control-writer.js';
import { announceOwners } from './announce-owners.store.js';

/**
 * Takes toolsets out of every grant that names them. Nobody gains by it: a grant that named nothing else allows nothing from
 * then on. `words` are the id and the name, as they may have been written. Answers how many grants there were.
 */
export async function strikeToolsets(unit: ControlUnit, words: readonly string[]): Promise<number> {
  const rows = await unit.tx.$queryRaw<{ id: string }[]>`
    UPDATE object_permission SET mcp_toolsets = (
      SELECT coalesce(jsonb_agg(entry ORDER BY position), '[]'::jsonb)
      FROM jsonb_array_elements(mcp_toolsets) WITH ORDINALITY AS listed(entry, position)
      WHERE NOT (entry #>> '{}') = ANY(${words}::text[])
    )
    WHERE jsonb_typeof(mcp_toolsets) = 'array' AND mcp_toolsets ?| ${words}::text[]
    RETURNING id`;
  return await announceOwners(unit, rows);
}

/** The same for an access group, by name. */
export async function strikeAccessGroup(unit: ControlUnit, name: string): Promise<number> {
  const rows = await unit.tx.$queryRaw<{ id: string }[]>`
    UPDATE object_permission SET mcp_access_groups = mcp_access_groups - ${name}::text
    WHERE jsonb_typeof(mcp_access_groups) = 'array' AND mcp_access_groups ? ${name}::text
    RETURNING id`;
  return await announceOwners(unit, rows);
}

/** A group gets another name: grants follow it. With `keepOld` they name both, because servers still carry the old one. */
export async function renameAccessGroup(
  unit: ControlUnit,
  from: string,
  to: string,
  keepOld: boolean,
): Promise<number> {
  const rows = await unit.tx.$queryRaw<{ id: string }[]>`
    UPDATE object_permission SET mcp_access_groups =
      CASE WHEN ${keepOld}::boolean THEN mcp_access_groups ELSE mcp_access_groups - ${from}::text END
      || jsonb_build_array(${to}::text)
    WHERE jsonb_typeof(mcp_access_groups) = 'array' AND mcp_access_groups ? ${from}::text
    RETURNING id`;
  return await announceOwners(unit, rows);
}
