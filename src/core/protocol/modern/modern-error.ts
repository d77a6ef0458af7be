import { findMember, scanObject } from '../json-scan.js';
import { splice } from '../splice.js';

/** Codes that only the specification gives a meaning to (2026-07-28, "Error Codes"), and those it does so far. */
const RESERVED_FROM = -32_099;
const RESERVED_TO = -32_020;
const DEFINED: ReadonlySet<number> = new Set([-32_020, -32_021, -32_022]);

/** Headers that do not repeat the body; nothing was done. */
export const HEADER_MISMATCH = -32_020;

/** A client did not declare what is needed; a server's to say, and the gateway's to pass on. */
export const MISSING_CAPABILITY = -32_021;

const RESOURCE_NOT_FOUND = -32_002;
const URL_ELICITATION_REQUIRED = -32_042;
const INVALID_PARAMS = -32_602;
const SERVER_ERROR = -32_000;

/**
 * The code a modern client may see: a missing resource is −32602, and what is reserved but has no meaning is the plain
 * −32000. Everything else is as it is.
 */
export function toModernCode(code: number): number {
  if (code === RESOURCE_NOT_FOUND) return INVALID_PARAMS;
  return code >= RESERVED_FROM && code <= RESERVED_TO && !DEFINED.has(code) ? SERVER_ERROR : code;
}

/** The code of an error object, by raw text. */
export function errorCode(error: string): number | undefined {
  const span = error.charCodeAt(0) === 0x7b ? findMember(scanObject(error), 'code') : undefined;
  return span === undefined ? undefined : Number(error.slice(span.start, span.end));
}

/** An upstream's error object, by raw text, with a code that is legal in the modern era. `data` stays as it came. */
export function toModernError(error: string): string {
  const span = error.charCodeAt(0) === 0x7b ? findMember(scanObject(error), 'code') : undefined;
  if (span === undefined) return error;
  const code = Number(error.slice(span.start, span.end));
  // Only the gateway itself says that this very request was wrong: headers, version and capabilities are checked here.
  const legal = DEFINED.has(code) ? SERVER_ERROR : toModernCode(code);
  return legal === code ? error : splice(error, [{ ...span, with: String(legal) }]);
}

/** The elicitations of an upstream's −32042 (2025-11-25), as raw texts; undefined for any other error. */
export function requiredUrlElicitations(error: string): readonly string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(error);
  } catch {
    // Not JSON: certainly not this error.
    return undefined;
  }
  const { code, data } = (value ?? {}) as { code?: unknown; data?: { elicitations?: unknown } };
  if (code !== URL_ELICITATION_REQUIRED || !Array.isArray(data?.elicitations)) return undefined;
  return data.elicitations.map((elicitation) => JSON.stringify(elicitation));
}
