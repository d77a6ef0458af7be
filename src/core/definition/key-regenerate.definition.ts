import { durationText } from './duration.js';
import { secretText } from './field-checks.js';
import { Field, toSecret } from './field-decorators.js';
import { describedAs, schemaOf } from './field-schema.js';
import { suppliedKey } from './key-generate.definition.js';
import { KeyUpdateDefinition } from './key-update.definition.js';
import type { Secret } from '../model/secret.js';

/** Body of `POST /key/{key}/regenerate` and `/key/regenerate`: a new secret, and what else changes with it. */
export class KeyRegenerateDefinition extends KeyUpdateDefinition {
  /** Left out: a random one. */
  @Field(suppliedKey, toSecret)
  new_key?: Secret;

  /** How long the former secret stays good. Left out, empty or `0s`: it ends at once. */
  @Field(describedAs(schemaOf(durationText), (value) => (isNoGrace(value) ? [] : durationText(value))))
  grace_period?: string;

  /** Refused: the master key is configuration. */
  @Field(secretText, toSecret)
  new_master_key?: Secret;
}

/** Whether a grace period says that there is none. */
export function isNoGrace(value: unknown): boolean {
  return value === '' || (typeof value === 'string' && /^0+(s|m|h|d|w|mo)?$/.test(value));
}
