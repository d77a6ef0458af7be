import { duplicateKey, findMember, scanObject, type MemberSpan } from '../json-scan.js';
import { isLogLevel, type LogLevel } from '../log-level.js';
import type { RequestParams } from '../request-params.js';
import { ENVELOPE_KEYS, META } from './meta-keys.js';

/** What a modern request says of its client, in `params._meta`. */
export interface RequestEnvelope {
  readonly protocolVersion: string;
  readonly clientCapabilities: Readonly<Record<string, unknown>>;
  /** The same as it came, for upstreams. */
  readonly capabilitiesText: string;
  readonly clientInfo: Readonly<Record<string, unknown>> | undefined;
  readonly clientInfoText: string | undefined;
  /** Absent: no log messages at all. */
  readonly logLevel: LogLevel | undefined;
}

/** Why a request has no usable envelope: −32602 (2026-07-28, "_meta"). */
export interface EnvelopeProblem {
  readonly problem: string;
}

/** The claimed version of a parsed message; undefined when it claims none. Costs a few look-ups. */
export function claimedVersion(message: Readonly<Record<string, unknown>>): unknown {
  const { params } = message;
  const meta = isObject(params) ? params['_meta'] : undefined;
  return isObject(meta) ? meta[META.protocolVersion] : undefined;
}

/** Reads the envelope. Only `protocolVersion` and `clientCapabilities` must be there. */
export function readEnvelope(params: RequestParams | undefined): RequestEnvelope | EnvelopeProblem {
  const meta = params?.value['_meta'];
  const span = params === undefined ? undefined : findMember(params.members, '_meta');
  if (params === undefined || span === undefined || !isObject(meta)) return { problem: 'params._meta is missing' };
  const members = scanObject(params.text, span.start);
  const repeated = duplicateKey(members.filter(({ key }) => ENVELOPE_KEYS.has(key)));
  if (repeated !== undefined) return { problem: `params._meta repeats ${repeated}` };

  const version = meta[META.protocolVersion];
  if (typeof version !== 'string') return wrong(META.protocolVersion, 'a string');
  const capabilities = meta[META.clientCapabilities];
  if (!isObject(capabilities)) return wrong(META.clientCapabilities, 'an object');
  const info = meta[META.clientInfo];
  if (info !== undefined && !isObject(info)) return wrong(META.clientInfo, 'an object');
  const level = meta[META.logLevel];
  if (level !== undefined && !isLogLevel(level)) return wrong(META.logLevel, 'a log level');
  return {
    protocolVersion: version,
    clientCapabilities: capabilities,
    capabilitiesText: rawText(params.text, members, META.clientCapabilities) ?? '{}',
    clientInfo: info,
    clientInfoText: rawText(params.text, members, META.clientInfo),
    logLevel: level,
  };
}

function wrong(key: string, expected: string): EnvelopeProblem {
  return { problem: `params._meta["${key}"] must be ${expected}` };
}

function rawText(text: string, members: readonly MemberSpan[], key: string): string | undefined {
  const span = findMember(members, key);
  return span === undefined ? undefined : text.slice(span.start, span.end);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
