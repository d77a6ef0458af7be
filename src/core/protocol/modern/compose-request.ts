import { findMember, scanObject, type MemberSpan } from '../json-scan.js';
import { splice } from '../splice.js';
import { argumentHeaders } from './argument-headers.js';
import { encodeHeaderValue } from './header-value.js';
import { ENVELOPE_KEYS, META } from './meta-keys.js';
import { isModernMethod, NAMED_BY } from './modern-methods.js';
import { MODERN_VERSIONS } from './modern-version.js';
import { withoutMembers } from './object-text.js';
import type { MirroredArgument } from './param-headers.js';

/** What a request to a modern server says of the client behind it; raw JSON objects. */
export interface OutgoingEnvelope {
  readonly capabilitiesText: string;
  readonly clientInfoText: string;
  /** Absent: the server sends no log messages. */
  readonly logLevel: string | undefined;
}

/** A request as a modern server takes it. */
export interface ComposedRequest {
  readonly text: string;
  /** Headers that repeat the body, for HTTP; lower-cased names. */
  readonly headers: Readonly<Record<string, string>>;
}

const NOTHING_MIRRORED: readonly MirroredArgument[] = [];

/**
 * Puts the envelope into `params._meta` of a request (2026-07-28, "_meta") and mirrors what the headers repeat; everything
 * else stays as it came. An envelope that is there already is replaced: it says who the gateway's client is, to the
 * gateway. `text` is a whole JSON-RPC request without white space behind it.
 */
export function composeRequest(
  method: string,
  text: string,
  envelope: OutgoingEnvelope,
  mirrored: readonly MirroredArgument[] = NOTHING_MIRRORED,
): ComposedRequest {
  const meta = envelopeMembers(envelope);
  const headers: Record<string, string> = { 'mcp-method': method };
  const span = findMember(scanObject(text), 'params');
  if (span === undefined) {
    return { text: `${text.slice(0, text.lastIndexOf('}'))},"params":{"_meta":{${meta}}}}`, headers };
  }
  const params = scanObject(text, span.start);
  const named = isModernMethod(method) ? NAMED_BY[method] : undefined;
  const name = named === undefined ? undefined : findMember(params, named);
  if (name !== undefined && text.charCodeAt(name.start) === 0x22) {
    headers['mcp-name'] = encodeHeaderValue(JSON.parse(text.slice(name.start, name.end)) as string);
  }
  if (mirrored.length > 0) {
    const given = findMember(params, 'arguments');
    if (given !== undefined) Object.assign(headers, argumentHeaders(mirrored, text.slice(given.start, given.end)));
  }
  return { text: withEnvelope(text, span, params, meta), headers };
}

function envelopeMembers({ capabilitiesText, clientInfoText, logLevel }: OutgoingEnvelope): string {
  const head = `"${META.protocolVersion}":"${MODERN_VERSIONS[0]}","${META.clientInfo}":${clientInfoText}`;
  const level = logLevel === undefined ? '' : `,"${META.logLevel}":${JSON.stringify(logLevel)}`;
  return `${head},"${META.clientCapabilities}":${capabilitiesText}${level}`;
}

function withEnvelope(text: string, params: MemberSpan, members: readonly MemberSpan[], meta: string): string {
  const there = findMember(members, '_meta');
  if (there === undefined) {
    const at = params.start + 1;
    return `${text.slice(0, at)}"_meta":{${meta}}${members.length === 0 ? '' : ','}${text.slice(at)}`;
  }
  const isObject = text.charCodeAt(there.start) === 0x7b;
  const kept = isObject ? withoutMembers(text.slice(there.start, there.end), ENVELOPE_KEYS) : '{}';
  const rest = kept.slice(1);
  const joined = scanObject(kept).length === 0 ? `{${meta}}` : `{${meta},${rest}`;
  return splice(text, [{ start: there.start, end: there.end, with: joined }]);
}
