import { createHash } from 'node:crypto';

/** What a client declared in `initialize` (legacy) or in a request's `_meta` (modern). Frozen. */
export interface ClientCapabilities {
  /** The raw JSON object, as it was declared: upstreams are told exactly this. */
  readonly text: string;
  /** The same, parsed. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Same value, same capabilities; empty when there are none. Not reversible. */
  readonly fingerprint: string;
}

/** Longer declarations are cut down to the members that gateways act upon: session ids carry them. */
const TEXT_CHARS_MAX = 4_096;
const ESSENTIAL = ['sampling', 'elicitation', 'roots', 'tasks', 'extensions'] as const;

export const NO_CAPABILITIES: ClientCapabilities = Object.freeze({ text: '{}', value: {}, fingerprint: '' });

/** Reads a declaration. What is not a JSON object, or absent, declares nothing. Takes text that was parsed before. */
export function clientCapabilities(text: string | undefined): ClientCapabilities {
  if (text?.startsWith('{') !== true) return NO_CAPABILITIES;
  const value = JSON.parse(text) as Record<string, unknown>;
  if (Object.keys(value).length === 0) return NO_CAPABILITIES;
  if (text.length > TEXT_CHARS_MAX) return clientCapabilities(essentialText(value));
  const fingerprint = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  return Object.freeze({ text, value, fingerprint });
}

/** The well-known members, each left out where it would not fit: a client is never said to have more than it has. */
function essentialText(value: Readonly<Record<string, unknown>>): string {
  const kept: Record<string, unknown> = {};
  for (const name of ESSENTIAL) {
    if (value[name] === undefined) continue;
    kept[name] = value[name];
    if (JSON.stringify(kept).length > TEXT_CHARS_MAX) delete kept[name];
  }
  return JSON.stringify(kept);
}
