import { GatewayError } from '../../core/errors/gateway-error.js';
import {
  argumentMismatch,
  mirroredArguments,
  type MirroredArgument,
} from '../../core/protocol/modern/param-headers.js';
import type { HeaderFields } from '../../core/protocol/modern/request-headers.js';
import type { ListItem } from '../../engine/catalog/list-item.js';

const NONE: readonly MirroredArgument[] = [];
/** Read once for each tool as it is listed; goes with the list. */
const mirroredBy = new WeakMap<ListItem, readonly MirroredArgument[]>();

/** Throws `rpc/header_mismatch` when `Mcp-Param-*` does not repeat the arguments that the tool's schema says it should. */
export function requireMirroredHeaders(tool: ListItem, given: unknown, headers: HeaderFields): void {
  const mismatch = argumentMismatch(mirroredOf(tool), given, headers);
  if (mismatch === undefined) return;
  throw new GatewayError('rpc/header_mismatch', { detail: mismatch.problem, data: { mismatch } });
}

function mirroredOf(tool: ListItem): readonly MirroredArgument[] {
  if (!tool.text.includes('x-mcp-header')) return NONE;
  const known = mirroredBy.get(tool);
  if (known !== undefined) return known;
  const mirrored = mirroredArguments((JSON.parse(tool.text) as { inputSchema?: unknown }).inputSchema);
  mirroredBy.set(tool, mirrored);
  return mirrored;
}
