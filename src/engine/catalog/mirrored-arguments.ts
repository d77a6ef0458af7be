import { mirroredArguments, type MirroredArgument } from '../../core/protocol/modern/param-headers.js';
import type { ListItem } from './list-item.js';

const NONE: readonly MirroredArgument[] = [];
/** Read once for each tool as it is listed; goes with the list. */
const mirroredBy = new WeakMap<ListItem, readonly MirroredArgument[]>();

/** The arguments of a tool that `Mcp-Param-*` headers repeat (2026-07-28, "Custom Headers from Tool Parameters"). */
export function mirroredOf(tool: ListItem): readonly MirroredArgument[] {
  if (tool.hasMirrored !== true) return NONE;
  const known = mirroredBy.get(tool);
  if (known !== undefined) return known;
  const mirrored = mirroredArguments((JSON.parse(tool.text) as { inputSchema?: unknown }).inputSchema);
  mirroredBy.set(tool, mirrored);
  return mirrored;
}
