import { listOf, secretText, text, type FieldIssue } from './field-checks.js';
import { describedAs, schemaOf } from './field-schema.js';
import { Field, toSecret } from './field-decorators.js';
import type { Secret } from '../model/secret.js';

const SELECTED_MAX = 1_000;

const toSecrets = (value: unknown): unknown => (Array.isArray(value) ? value.map(toSecret) : value);

function selection(check: (value: unknown) => readonly FieldIssue[]): (value: unknown) => readonly FieldIssue[] {
  return describedAs({ type: 'array', items: schemaOf(check) }, (value) =>
    Array.isArray(value) && (value.length === 0 || value.length > SELECTED_MAX)
      ? [{ at: [], message: `must name 1 to ${SELECTED_MAX}` }]
      : listOf(check)(value),
  );
}

/** Body of `POST /key/delete` (`keys` or `key_aliases`) and `/v2/key/info` (`keys`). */
export class KeySelectionDefinition {
  /** Keys, or their hashes. */
  @Field(selection(secretText), toSecrets)
  keys?: Secret[];

  @Field(selection(text))
  key_aliases?: string[];
}

/** Body of `POST /key/block` and `/key/unblock`. */
export class KeyNameDefinition {
  /** The key, or its hash. */
  @Field(secretText, toSecret)
  key?: Secret;
}
