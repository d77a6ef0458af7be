import { findMember, nestsDeeperThan, scanArray, scanObject } from '../../core/protocol/json-scan.js';
import { toolFingerprint } from '../../core/protocol/tool-fingerprint.js';
import { annotationProblem } from '../../core/protocol/modern/argument-headers.js';
import { rawMember, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { splice, type Replacement } from '../../core/protocol/splice.js';
import { LIST_KINDS, type ListKind } from './list-kind.js';

/** One tool, prompt, resource or template, as its upstream wrote it. */
export interface ListItem {
  /** Name, URI or URI template: what identifies it within its server. */
  readonly identity: string;
  /** Raw JSON. */
  readonly text: string;
  /** A tool annotated read-only or idempotent: a call may be repeated after a lost session (contract §5). */
  readonly repeatable: boolean;
  /** A tool some of whose arguments headers repeat; absent: none. */
  readonly hasMirrored?: boolean;
  /** A tool that says how it is run (2025-11-25, "Tasks"); absent: it does not. */
  readonly hasExecution?: boolean;
}

/** A single item larger than this is an attack or an accident; it is left out and reported. */
export const ITEM_CHARS_MAX = 1024 * 1024;

export interface ItemBounds {
  readonly depthMax: number;
  /** The server wants headers that repeat arguments: a tool whose annotations cannot be followed is not offered. */
  readonly mirrors?: boolean;
  /** Tools as they were when they were approved: a tool that is another one by now, or new, is not offered. */
  readonly pins?: ReadonlyMap<string, string> | undefined;
}

export interface ReadItems {
  readonly items: readonly ListItem[];
  /** Reasons for items left out; a list is data and may hold anything. */
  readonly dropped: readonly string[];
}

/** Reads the items of one page. An item that is malformed, too large, too deep, or a duplicate is dropped with a reason. */
export function readItems(kind: ListKind, reply: RpcMessage, seen: Set<string>, bounds: ItemBounds): ReadItems {
  const facts = LIST_KINDS[kind];
  const result = rawMember(reply, 'result') ?? '';
  const values = (reply.value['result'] as Record<string, unknown> | undefined)?.[facts.resultKey];
  const array = findMember(scanObject(result), facts.resultKey);
  if (!Array.isArray(values) || array === undefined)
    return { items: [], dropped: [`no ${facts.resultKey} in the result`] };

  const items: ListItem[] = [];
  const dropped: string[] = [];
  scanArray(result, array.start).forEach((span, index) => {
    const value: unknown = values[index];
    const identity = isObject(value) ? value[facts.identity] : undefined;
    const text = result.slice(span.start, span.end);
    if (!isObject(value) || typeof identity !== 'string' || identity === '') {
      dropped.push(`item ${index} has no ${facts.identity}`);
    } else if (text.length > ITEM_CHARS_MAX) {
      dropped.push(`${clip(identity)} is larger than ${ITEM_CHARS_MAX} characters`);
    } else if (nestsDeeperThan(text, bounds.depthMax)) {
      dropped.push(`${clip(identity)} nests deeper than ${bounds.depthMax}`);
    } else if (bounds.mirrors === true && text.includes('"x-mcp-header"') && faultOf(value) !== undefined) {
      dropped.push(`${clip(identity)}: ${faultOf(value)}`);
    } else if (bounds.pins !== undefined && bounds.pins.get(identity) !== toolFingerprint(value)) {
      dropped.push(`${clip(identity)} ${bounds.pins.has(identity) ? 'is not what was pinned' : 'is not pinned'}`);
    } else if (seen.has(identity)) {
      dropped.push(`${clip(identity)} is listed twice`);
    } else {
      seen.add(identity);
      const hasMirrored = text.includes('"x-mcp-header"');
      const hasExecution = isObject(value['execution']);
      items.push({ identity, text, repeatable: isRepeatable(value), hasMirrored, hasExecution });
    }
  });
  return { items, dropped };
}

/** The item with some of its top-level string members replaced, everything else as the upstream wrote it. */
export function withMembers(item: ListItem, replace: Readonly<Record<string, string>>): string {
  const replacements: Replacement[] = [];
  for (const member of scanObject(item.text)) {
    const value = Object.hasOwn(replace, member.key) ? replace[member.key] : undefined;
    if (value !== undefined) replacements.push({ start: member.start, end: member.end, with: JSON.stringify(value) });
  }
  return splice(item.text, replacements);
}

function isRepeatable(value: Record<string, unknown>): boolean {
  const annotations = value['annotations'];
  return isObject(annotations) && (annotations['readOnlyHint'] === true || annotations['idempotentHint'] === true);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function faultOf(tool: Record<string, unknown>): string | undefined {
  return annotationProblem(tool['inputSchema']);
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
