import { decodeHeaderValue } from './header-value.js';
import { headerField, type HeaderFields, type HeaderMismatch } from './request-headers.js';

/** An argument of a tool that `Mcp-Param-{name}` repeats. */
export interface MirroredArgument {
  /** As annotated. */
  readonly name: string;
  /** Where it stands in the arguments. */
  readonly path: readonly string[];
  readonly isNumeric: boolean;
}

const ANNOTATION = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DECIMAL = /^-?\d+(?:\.\d+)?$/;
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
const DEPTH_MAX = 32;

/**
 * The annotated arguments of a tool (2026-07-28, "Custom Headers from Tool Parameters"): strings, integers and booleans
 * that are reached through `properties` alone. Clients drop a tool that annotates anything else or a name twice, so its
 * faulty annotations bind nobody and are left out.
 */
export function mirroredArguments(inputSchema: unknown): readonly MirroredArgument[] {
  const found = new Map<string, MirroredArgument>();
  const visit = (schema: unknown, path: readonly string[]): void => {
    if (!isObject(schema) || path.length > DEPTH_MAX) return;
    const name = schema[ANNOTATION];
    const isArgument = path.length > 0 && typeof name === 'string' && TOKEN.test(name) && TYPES.has(schema['type']);
    if (isArgument && !found.has(name.toLowerCase())) {
      found.set(name.toLowerCase(), { name, path, isNumeric: schema['type'] === 'integer' });
    }
    const { properties } = schema;
    if (isObject(properties)) for (const key of Object.keys(properties)) visit(properties[key], [...path, key]);
  };
  visit(inputSchema, []);
  return [...found.values()];
}

/**
 * Whether the headers repeat the arguments as annotated. An argument that is absent or null needs no header, and one
 * that comes all the same is not looked at.
 */
export function argumentMismatch(
  mirrored: readonly MirroredArgument[],
  given: unknown,
  headers: HeaderFields,
): HeaderMismatch | undefined {
  for (const argument of mirrored) {
    const value = valueAt(given, argument.path);
    if (value === undefined || value === null || !isPrimitive(value)) continue;
    const header = `Mcp-Param-${argument.name}`;
    const field = headerField(headers, header.toLowerCase());
    if (field === undefined) return { header, problem: `${header} is missing` };
    const decoded = decodeHeaderValue(field);
    if (decoded === undefined) return { header, problem: `${header} is not valid base64 of UTF-8` };
    if (!says(decoded, value, argument)) {
      return { header, problem: `${header} is ${JSON.stringify(decoded)}, the body says ${JSON.stringify(value)}` };
    }
  }
  return undefined;
}

/** Numbers are compared as numbers: 42 and 42.0 are the same. */
function says(decoded: string, value: string | number | boolean, { isNumeric }: MirroredArgument): boolean {
  if (isNumeric && typeof value === 'number' && DECIMAL.test(decoded)) return Number(decoded) === value;
  return decoded === String(value);
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let node = root;
  for (const key of path) {
    if (!isObject(node) || !Object.hasOwn(node, key)) return undefined;
    node = node[key];
  }
  return node;
}

function isPrimitive(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
