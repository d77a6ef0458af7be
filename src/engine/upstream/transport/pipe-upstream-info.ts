import type { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { RpcMessage } from '../../../core/protocol/rpc-message.js';
import { isLegacyVersion } from '../../../core/protocol/versions.js';
import type { UpstreamInfo } from '../upstream.js';
import { upstreamError } from '../upstream-error.js';

/**
 * Reads the reply to `initialize`. Throws `upstream/bad_reply` when the server refused, named a revision that is not of
 * the legacy era, or answered something else. What is merely absent is forgiven.
 */
export function readUpstreamInfo(entry: ServerEntry, reply: RpcMessage): UpstreamInfo {
  const { result, error } = reply.value;
  if (isRecord(error)) throw refusal(entry, error);
  if (!isRecord(result)) throw upstreamError('upstream/bad_reply', entry, 'its reply to initialize has no result');
  const { protocolVersion, capabilities, instructions, serverInfo } = result;
  if (!isLegacyVersion(protocolVersion)) {
    const version = typeof protocolVersion === 'string' ? `"${protocolVersion.slice(0, 40)}"` : 'none';
    throw upstreamError('upstream/bad_reply', entry, `it answered initialize with protocol version ${version}`);
  }
  return {
    protocolVersion,
    capabilities: isRecord(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : undefined,
    serverInfo: isRecord(serverInfo) ? serverInfo : {},
  };
}

function refusal(entry: ServerEntry, error: Readonly<Record<string, unknown>>): GatewayError {
  const message = typeof error['message'] === 'string' ? error['message'].slice(0, 200) : 'no message';
  return upstreamError('upstream/bad_reply', entry, `it refused initialize with ${String(error['code'])}: ${message}`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
