import { isRecord } from '../../../core/definition/field-checks.js';
import { type FieldProblem, problemAt } from '../../../core/definition/field-problem.js';
import {
  CREDENTIAL_FIELDS,
  HIDDEN,
  replaceSecrets,
  SECRET_MAPPINGS,
  type ServerFields,
} from '../../../core/definition/server-secrets.js';

export interface MergedServer {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly problems: readonly FieldProblem[];
  /** The address changes and these stored secrets, not entered again, would go to the new one. */
  readonly toReenter: readonly string[];
}

/** What a change of sends stored secrets elsewhere. */
const ADDRESSES = [
  'url',
  'command',
  'spec_path',
  'token_url',
  'token_exchange_endpoint',
  'id_jag_resource_token_endpoint',
] as const;
/** Filled from the client's headers: no secret of ours. */
const TEMPLATE = /^\$\{X-[^}]+\}$/;

/**
 * The stored fields with those that the patch names (contract §10): a value replaces, null clears, and what is sent back as
 * it was shown (`***` for a secret) keeps what is stored. Nothing else changes.
 */
export function mergeServer(stored: ServerFields, patch: ServerFields): MergedServer {
  const shown = replaceSecrets(stored, () => HIDDEN);
  const fields: Record<string, unknown> = { ...stored };
  const problems: FieldProblem[] = [];
  const entered = new Set<string>();
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined) {
      delete fields[name];
    } else if (isSame(value, shown[name])) {
      continue;
    } else if ((SECRET_MAPPINGS as readonly string[]).includes(name)) {
      const mapping = mergeMapping(stored[name], value);
      fields[name] = mapping.value;
      problems.push(
        ...mapping.unknown.map((key) => problemAt([name, key], `${HIDDEN} keeps a stored value, and there is none`)),
      );
      if (!mapping.keeps) entered.add(name);
    } else if (typeof value === 'string' && holdsHidden(name, value)) {
      problems.push(problemAt([name], `${HIDDEN} keeps a stored value, and there is none like this: enter it in full`));
    } else {
      fields[name] = value;
      entered.add(name);
    }
  }
  // A credential entered again with the value it has is entered again all the same.
  for (const name of CREDENTIAL_FIELDS) {
    if (typeof patch[name] === 'string' && patch[name] !== HIDDEN) entered.add(name);
  }
  const moved = ADDRESSES.some((name) => !isSameAddress(stored[name], fields[name]));
  return { fields, problems, toReenter: moved ? heldSecrets(fields).filter((name) => !entered.has(name)) : [] };
}

/** Names of fields that hold secrets of the gateway's. */
function heldSecrets(fields: ServerFields): readonly string[] {
  return [
    ...CREDENTIAL_FIELDS.filter((name) => name !== 'client_id' && isFilled(fields[name])),
    ...SECRET_MAPPINGS.filter((name) => valuesOf(fields[name]).some((value) => !TEMPLATE.test(value))),
  ];
}

function mergeMapping(stored: unknown, given: unknown) {
  const unknown: string[] = [];
  let keeps = false;
  const before = namedValues(stored);
  const merge = (key: string, value: unknown): unknown => {
    if (value !== HIDDEN) return value;
    keeps = true;
    if (!before.has(key)) unknown.push(key);
    return before.get(key);
  };
  let value: unknown = given;
  if (Array.isArray(given)) {
    value = given.map((entry: unknown) =>
      isRecord(entry) ? { ...entry, value: merge(String(entry['name']), entry['value']) } : entry,
    );
  } else if (isRecord(given)) {
    value = Object.fromEntries(Object.entries(given).map(([key, member]) => [key, merge(key, member)]));
  }
  return { value, unknown, keeps };
}

function namedValues(mapping: unknown): ReadonlyMap<string, unknown> {
  if (Array.isArray(mapping)) {
    return new Map(mapping.filter(isRecord).map((entry) => [String(entry['name']), entry['value']]));
  }
  return new Map(isRecord(mapping) ? Object.entries(mapping) : []);
}

function valuesOf(mapping: unknown): readonly string[] {
  return [...namedValues(mapping).values()].filter((value) => typeof value === 'string');
}

function holdsHidden(name: string, value: string): boolean {
  if ((CREDENTIAL_FIELDS as readonly string[]).includes(name)) return value === HIDDEN;
  return (ADDRESSES as readonly string[]).includes(name) && value.includes(HIDDEN);
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isSameAddress(before: unknown, now: unknown): boolean {
  if (before === now || (!isFilled(before) && !isFilled(now))) return true;
  if (typeof before !== 'string' || typeof now !== 'string') return false;
  const [left, right] = [URL.parse(before), URL.parse(now)];
  return left !== null && right !== null && left.href === right.href;
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
