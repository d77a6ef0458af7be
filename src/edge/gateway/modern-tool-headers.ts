import { GatewayError } from '../../core/errors/gateway-error.js';
import { argumentMismatch } from '../../core/protocol/modern/param-headers.js';
import type { HeaderFields } from '../../core/protocol/modern/request-headers.js';
import type { ListItem } from '../../engine/catalog/list-item.js';
import { mirroredOf } from '../../engine/catalog/mirrored-arguments.js';

/** Throws `rpc/header_mismatch` when `Mcp-Param-*` does not repeat the arguments that the tool's schema says it should. */
export function requireMirroredHeaders(tool: ListItem, given: unknown, headers: HeaderFields): void {
  const mismatch = argumentMismatch(mirroredOf(tool), given, headers);
  if (mismatch === undefined) return;
  throw new GatewayError('rpc/header_mismatch', { detail: mismatch.problem, data: { mismatch } });
}
