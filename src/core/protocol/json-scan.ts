/**
 * Finds where things stand in JSON text that `JSON.parse` has already accepted, so that pieces can be forwarded as they
 * came (big integers, unknown members, escapes intact). None of these functions validates: on text that is not valid
 * JSON the answers are meaningless, but they always end.
 */

/** One member of an object: its decoded key and where its value stands. `start` and `end` are offsets into the text. */
export interface MemberSpan {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** A value's place in the text: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** The members of the object that starts at or after `from` (white space skipped), in order, duplicates included. */
export function scanObject(text: string, from = 0): MemberSpan[] {
  const members: MemberSpan[] = [];
  let at = skipSpace(text, from) + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (at >= text.length || text.charCodeAt(at) === CLOSE_BRACE) return members;
    const keyEnd = skipString(text, at);
    const rawKey = text.slice(at + 1, keyEnd - 1);
    const key = rawKey.includes('\\') ? String(JSON.parse(text.slice(at, keyEnd))) : rawKey;
    at = skipSpace(text, keyEnd);
    if (text.charCodeAt(at) === COLON) at += 1;
    const start = skipSpace(text, at);
    const end = skipValue(text, start);
    members.push({ key, start, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at += 1;
  }
}

/** The elements of the array that starts at or after `from` (white space skipped). */
export function scanArray(text: string, from = 0): Span[] {
  const elements: Span[] = [];
  let at = skipSpace(text, from) + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (at >= text.length || text.charCodeAt(at) === CLOSE_BRACKET) return elements;
    const end = skipValue(text, at);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at += 1;
  }
}

/** The last member called `key`, which is the one `JSON.parse` keeps. */
export function findMember(members: readonly MemberSpan[], key: string): MemberSpan | undefined {
  for (let index = members.length - 1; index >= 0; index -= 1) {
    if (members[index]?.key === key) return members[index];
  }
  return undefined;
}

/** The first key that occurs twice. Parsers disagree on which one counts, so an envelope with one is refused. */
export function duplicateKey(members: readonly MemberSpan[]): string | undefined {
  for (let index = 1; index < members.length; index += 1) {
    const key = members[index]?.key;
    for (let before = 0; before < index; before += 1) if (members[before]?.key === key) return key;
  }
  return undefined;
}

/** Whether objects and arrays nest deeper than `depthMax`. One pass, no recursion: safe on text nobody has parsed yet. */
export function nestsDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = skipString(text, at) - 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
  }
  return false;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

/** `from` stands on the opening quote; answers the offset behind the closing one. */
function skipString(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH && quote - 1 - slashes > from) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function skipValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return skipString(text, from);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipContainer(text, from);
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || code <= 0x20) return at;
    at += 1;
  }
  return at;
}

function skipContainer(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = skipString(text, at) - 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
