import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type YAMLError,
  visit,
} from 'yaml';
import { type FieldProblem, problemAt } from '../../core/definition/field-problem.js';

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** A YAML text that was read: plain data, and where each piece of it stands. */
export interface YamlDocument {
  /** Anchors and merge keys resolved. */
  readonly root: unknown;
  /** Where a field stands (its key; an item of a list itself), or the nearest thing above it. */
  locate(path: readonly (string | number)[]): Position;
}

export type YamlOutcome =
  | { readonly ok: true; readonly document: YamlDocument }
  | { readonly ok: false; readonly problems: readonly (FieldProblem & { readonly position: Position })[] };

/** Enough for any file written by people; an alias bomb is far beyond. */
const ALIASES_MAX = 10_000;

/**
 * Reads YAML 1.2 with anchors and merge keys (`<<`), or all its syntax errors. Messages are ours: the parser's quote the
 * text, which may hold secrets.
 */
export function readYaml(text: string): YamlOutcome {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    strict: true,
    logLevel: 'error',
  });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (document.errors.length > 0) {
    return {
      ok: false,
      problems: document.errors.map((error) => ({ ...problemAt([], describe(error)), position: at(error.pos[0]) })),
    };
  }
  let root: unknown;
  try {
    root = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch {
    // The parser's text may quote the file.
    return {
      ok: false,
      problems: aliasProblems(document).map(({ offset, message }) => ({
        ...problemAt([], message),
        position: at(offset),
      })),
    };
  }
  return { ok: true, document: { root, locate: (path) => at(offsetOf(document, path)) } };
}

function aliasProblems(document: Document.Parsed): readonly { readonly offset: number; readonly message: string }[] {
  const found: { offset: number; message: string }[] = [];
  visit(document, {
    Alias: (_, alias) => {
      if (found.length === 0 && alias.resolve(document) === undefined) {
        found.push({
          offset: startOf(alias) ?? 0,
          message: 'not valid YAML: an alias (*name) has no anchor (&name) above it',
        });
      }
    },
  });
  return found.length > 0 ? found : [{ offset: 0, message: 'not usable: it has too many aliases (*name)' }];
}

const SENTENCES: Partial<Record<YAMLError['code'], string>> = {
  DUPLICATE_KEY: 'this name is written twice in the same mapping',
  TAB_AS_INDENT: 'a tab is used for indentation: use spaces',
  BAD_INDENT: 'the indentation does not fit the lines above, or a bracket is not closed',
  MISSING_CHAR: 'a closing quote, bracket or similar is missing',
  MULTIPLE_DOCS: 'only one document is allowed (remove the ---)',
  BLOCK_AS_IMPLICIT_KEY: 'nested mappings need lines of their own; a value with ": " inside needs quotes',
  MULTILINE_IMPLICIT_KEY: 'a name must be on one line and end with a colon',
  TAG_RESOLVE_FAILED: 'this !tag is not understood',
  UNEXPECTED_TOKEN: 'something unexpected stands here',
  BAD_SCALAR_START: 'a value cannot start with this character: put it in quotes',
  BAD_DQ_ESCAPE: 'an unknown \\ escape in double quotes',
};

function describe(error: YAMLError): string {
  return `not valid YAML: ${SENTENCES[error.code] ?? error.code.toLowerCase().replaceAll('_', ' ')}`;
}

interface Found {
  readonly offset: number;
  readonly value: Node | null;
}

function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number {
  let node: Node | null = document.contents;
  let offset = startOf(document.contents) ?? 0;
  for (const step of path) {
    const found = child(document, node, step, 0);
    if (found === undefined) return offset;
    ({ offset, value: node } = found);
  }
  return offset;
}

/** Deepest chain of aliases and merges followed for one step. */
const HOPS_MAX = 100;

function child(document: Document, node: Node | null, step: string | number, hops: number): Found | undefined {
  const resolved = isAlias(node) ? (node.resolve(document) ?? null) : node;
  if (hops > HOPS_MAX) return undefined;
  if (isSeq(resolved) && typeof step === 'number') {
    const item = resolved.items[step] as ParsedNode | undefined;
    const offset = startOf(item ?? null);
    return offset === undefined ? undefined : { offset, value: item ?? null };
  }
  if (!isMap(resolved)) return undefined;
  for (const pair of resolved.items) {
    if (isScalar(pair.key) && String(pair.key.value) === String(step)) {
      return { offset: startOf(pair.key) ?? 0, value: pair.value as Node | null };
    }
  }
  // Later merge sources lose to earlier ones (YAML merge key, 2005).
  for (const pair of resolved.items) {
    if (!isScalar(pair.key) || pair.key.source !== '<<') continue;
    const merged = isAlias(pair.value) ? pair.value.resolve(document) : (pair.value as Node | null);
    const sources: readonly unknown[] = isSeq(merged) ? merged.items : [merged];
    for (const source of sources) {
      const found = child(document, source as Node | null, step, hops + 1);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function startOf(node: Node | null): number | undefined {
  return node?.range?.[0];
}
