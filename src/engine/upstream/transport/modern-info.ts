import type { ServerEntry } from '../../../core/model/server-entry.js';
import { META } from '../../../core/protocol/modern/meta-keys.js';
import { isModernVersion } from '../../../core/protocol/modern/modern-version.js';
import type { RpcMessage } from '../../../core/protocol/rpc-message.js';
import { NotModernError } from '../era-negotiation.js';
import type { UpstreamInfo } from '../upstream.js';
import { upstreamError } from '../upstream-error.js';

const UNSUPPORTED_VERSION = -32_022;
/** Codes that only a server of the modern era uses (2026-07-28, "Error Codes"). */
const MODERN_CODES: ReadonlySet<unknown> = new Set([-32_020, -32_021, UNSUPPORTED_VERSION]);

/**
 * Reads the reply to `server/discover`. Throws {@link NotModernError} for anything that a legacy server may answer, and
 * `upstream/bad_reply` for a modern one that shares no revision with us.
 */
export function readModernInfo(entry: ServerEntry, reply: RpcMessage): UpstreamInfo {
  const { result, error } = reply.value;
  if (isRecord(error)) {
    if (!isModernCode(error['code'])) throw new NotModernError(true, new Error(String(error['message']).slice(0, 200)));
    throw upstreamError('upstream/bad_reply', entry, `it refused server/discover with ${String(error['code'])}`);
  }
  if (!isRecord(result)) throw new NotModernError(true);
  const { supportedVersions, capabilities, instructions, serverInfo, _meta } = result;
  if (!Array.isArray(supportedVersions)) throw new NotModernError(true);
  const version: unknown = supportedVersions.find((each) => isModernVersion(each));
  if (!isModernVersion(version)) throw new NotModernError(true);
  const info = serverInfo ?? (isRecord(_meta) ? _meta[META.serverInfo] : undefined);
  return {
    protocolVersion: version,
    capabilities: isRecord(capabilities) ? capabilities : {},
    instructions: typeof instructions === 'string' ? instructions : undefined,
    serverInfo: isRecord(info) ? info : {},
  };
}

/** Whether a server refused the revision of a request and names one that the gateway speaks. */
export function namesOurVersion({ value: { error } }: RpcMessage): boolean {
  if (!isRecord(error) || error['code'] !== UNSUPPORTED_VERSION || !isRecord(error['data'])) return false;
  const { supported } = error['data'];
  return Array.isArray(supported) && supported.some((each) => isModernVersion(each));
}

/** Whether an error's code says that a server of the modern era spoke. */
export function isModernCode(code: unknown): boolean {
  return MODERN_CODES.has(code);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
