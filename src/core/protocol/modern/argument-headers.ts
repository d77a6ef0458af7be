import { findMember, scanObject } from '../json-scan.js';
import { encodeHeaderValue } from './header-value.js';
import type { MirroredArgument } from './param-headers.js';

const ANNOTATION = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const INTEGER = /^-?\d+$/;
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
/** Annotations nested deeper than this are not looked for. */
const DEPTH_MAX = 32;

/**
 * The `Mcp-Param-*` headers of a call, by lower-cased name (2026-07-28, "Custom Headers from Tool Parameters"): what
 * `arguments` says of the annotated ones. Absent and null ones have no header. Integers are repeated digit by digit.
 */
export function argumentHeaders(mirrored: readonly MirroredArgument[], argumentsText: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { name, path } of mirrored) {
    const raw = rawAt(argumentsText, path);
    const value = raw === undefined ? undefined : headerText(raw);
    if (value !== undefined) headers[`mcp-param-${name.toLowerCase()}`] = encodeHeaderValue(value);
  }
  return headers;
}

/**
 * Why a client over HTTP must not offer this tool: an annotation that names no header field, stands where the header
 * could not repeat it, or names one twice. Undefined when there is nothing to object to.
 */
export function annotationProblem(inputSchema: unknown): string | undefined {
  const names = new Set<string>();
  return problemIn(inputSchema, names, 'root', 0);
}

type Place = 'root' | 'argument' | 'elsewhere';

function problemIn(schema: unknown, names: Set<string>, place: Place, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return undefined;
  if (Array.isArray(schema)) return firstProblem(schema, (part) => problemIn(part, names, 'elsewhere', depth + 1));
  if (!isObject(schema)) return undefined;
  if (Object.hasOwn(schema, ANNOTATION) && !isPropertyMap(schema)) {
    const problem = annotationFault(schema, names, place);
    if (problem !== undefined) return problem;
  }
  return firstProblem(Object.entries(schema), ([key, part]) => {
    if (key !== 'properties' || !isObject(part)) {
      return LITERALS.has(key) ? undefined : problemIn(part, names, 'elsewhere', depth + 1);
    }
    const inside = place === 'elsewhere' ? 'elsewhere' : 'argument';
    return firstProblem(Object.values(part), (property) => problemIn(property, names, inside, depth + 1));
  });
}

/** Keywords whose value is data, not a schema. */
const LITERALS: ReadonlySet<string> = new Set([ANNOTATION, 'default', 'const', 'enum', 'examples']);

function annotationFault(
  schema: Readonly<Record<string, unknown>>,
  names: Set<string>,
  place: Place,
): string | undefined {
  const name = schema[ANNOTATION];
  if (typeof name !== 'string' || !TOKEN.test(name)) return `${ANNOTATION} is not the name of a header`;
  if (place !== 'argument')
    return `${ANNOTATION} "${name.slice(0, 80)}" is not on an argument reached by properties alone`;
  if (!TYPES.has(schema['type'])) return `${ANNOTATION} "${name.slice(0, 80)}" is on a type that headers do not repeat`;
  if (names.has(name.toLowerCase())) return `${ANNOTATION} "${name.slice(0, 80)}" is used twice`;
  names.add(name.toLowerCase());
  return undefined;
}

/** An argument may itself be called `x-mcp-header`: then the value is a schema. */
function isPropertyMap(schema: Readonly<Record<string, unknown>>): boolean {
  return isObject(schema[ANNOTATION]);
}

function firstProblem<T>(parts: readonly T[], look: (part: T) => string | undefined): string | undefined {
  for (const part of parts) {
    const problem = look(part);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function rawAt(text: string, path: readonly string[]): string | undefined {
  let at = 0;
  let end = text.length;
  for (const key of path) {
    if (text.charCodeAt(at) !== 0x7b) return undefined;
    const member = findMember(scanObject(text, at), key);
    if (member === undefined) return undefined;
    at = member.start;
    end = member.end;
  }
  return text.slice(at, end);
}

/** Undefined for null, and for what is not of an annotated type: the server judges that by the body. */
function headerText(raw: string): string | undefined {
  if (raw.startsWith('"')) return JSON.parse(raw) as string;
  if (raw === 'true' || raw === 'false' || INTEGER.test(raw)) return raw;
  const first = raw.charCodeAt(0);
  const isNumber = first === 0x2d || (first >= 0x30 && first <= 0x39);
  return isNumber ? String(JSON.parse(raw)) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
