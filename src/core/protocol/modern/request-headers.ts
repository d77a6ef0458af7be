import { decodeHeaderValue } from './header-value.js';
import { NAMED_BY, isModernMethod } from './modern-methods.js';

/** Header fields by lower-cased name, as Node gives them. */
export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A header that does not say what the body says: −32020 with this under `data.mismatch`. */
export interface HeaderMismatch {
  readonly header: string;
  /** For the caller: what the body has, and what was found. */
  readonly problem: string;
}

/** A field with one value; a repeated one is not a value that could match. */
export function headerField(headers: HeaderFields, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** Fields that each hop writes by itself, or that mean nothing any more. */
const OF_THE_HOP: ReadonlySet<string> = new Set(['mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-session-id']);

/**
 * The `Mcp-*` fields that an intermediary passes on as they are, unless it writes them itself: it need not know what they
 * mean (2026-07-28, "Custom Headers from Tool Parameters"). Undefined when there are none, and without what `isSecret`.
 */
export function passedHeaders(
  headers: HeaderFields,
  isSecret: (value: string) => boolean,
): Readonly<Record<string, string>> | undefined {
  let passed: Record<string, string> | undefined;
  for (const name in headers) {
    if (!name.startsWith('mcp-') || OF_THE_HOP.has(name)) continue;
    const value = headerField(headers, name);
    if (value === undefined || isSecret(value) || isSecret(decodeHeaderValue(value) ?? '')) continue;
    passed ??= {};
    passed[name] = value;
  }
  return passed;
}

/**
 * Whether the mirrored headers of a request are there and say what its body says (2026-07-28, "Standard Request
 * Headers"): `MCP-Protocol-Version`, `Mcp-Method`, and `Mcp-Name` where the method has a name. Names of headers are
 * compared without case, values with it. Undefined when all is well.
 */
export function headerMismatch(
  headers: HeaderFields,
  method: string,
  claimedVersion: string | undefined,
  params: Readonly<Record<string, unknown>> | undefined,
): HeaderMismatch | undefined {
  const version = headerField(headers, 'mcp-protocol-version');
  if (version === undefined) return missing('MCP-Protocol-Version');
  if (claimedVersion !== undefined && version !== claimedVersion) {
    return differs('MCP-Protocol-Version', version, claimedVersion);
  }
  const named = headerField(headers, 'mcp-method');
  if (named === undefined) return missing('Mcp-Method');
  if (named !== method) return differs('Mcp-Method', named, method);
  return nameMismatch(headers, method, params);
}

function nameMismatch(
  headers: HeaderFields,
  method: string,
  params: Readonly<Record<string, unknown>> | undefined,
): HeaderMismatch | undefined {
  const source = isModernMethod(method) ? NAMED_BY[method] : undefined;
  const value = source === undefined ? undefined : params?.[source];
  // A body without a name is wrong for another reason, and is told so.
  if (typeof value !== 'string') return undefined;
  const header = headerField(headers, 'mcp-name');
  if (header === undefined) return missing('Mcp-Name');
  const decoded = decodeHeaderValue(header);
  if (decoded === undefined) return { header: 'Mcp-Name', problem: 'Mcp-Name is not valid base64 of UTF-8' };
  return decoded === value ? undefined : differs('Mcp-Name', decoded, value);
}

function missing(header: string): HeaderMismatch {
  return { header, problem: `${header} is missing` };
}

function differs(header: string, found: string, expected: string): HeaderMismatch {
  return { header, problem: `${header} is ${JSON.stringify(found)}, the body says ${JSON.stringify(expected)}` };
}
