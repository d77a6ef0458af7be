import { secretText, type FieldIssue } from './field-checks.js';
import { describedAs } from './field-schema.js';
import { Field, toSecret } from './field-decorators.js';
import { KeyFields } from './key-fields.js';
import { Secret } from '../model/secret.js';

const KEY_CHARACTERS_MIN = 20;
const KEY_CHARACTERS_MAX = 256;
/** Letters that scanners and our own log take for a key. */
const KEY = /^sk-[A-Za-z0-9_-]+$/;

/** A key of the caller's own making: it has to look like one, and to be hard to guess. */
export function suppliedKey(value: unknown): readonly FieldIssue[] {
  const issues = secretText(value);
  if (issues.length > 0 || !(value instanceof Secret)) return issues;
  const text = value.reveal();
  if (!KEY.test(text)) return [{ at: [], message: 'must start with sk- and hold only letters, digits, - and _' }];
  return text.length >= KEY_CHARACTERS_MIN && text.length <= KEY_CHARACTERS_MAX
    ? []
    : [{ at: [], message: `must have ${KEY_CHARACTERS_MIN} to ${KEY_CHARACTERS_MAX} characters` }];
}

describedAs({ type: 'string', pattern: KEY.source, writeOnly: true }, suppliedKey);

/** Body of `POST /key/generate` and `/key/service-account/generate`. */
export class KeyGenerateDefinition extends KeyFields {
  /** Left out: a random one. */
  @Field(suppliedKey, toSecret)
  key?: Secret;
}
