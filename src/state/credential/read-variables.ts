import { isRecord } from '../../core/definition/field-checks.js';
import type { UserCredential } from './user-credential.js';

const known = new WeakMap<UserCredential, ReadonlyMap<string, string>>();

/** The values of a credential of kind `env`; none of another kind, or one that is not active. */
export function readVariables(kept: UserCredential): ReadonlyMap<string, string> {
  let values = known.get(kept);
  if (values !== undefined) return values;
  values = kept.kind === 'env' && kept.status === 'active' ? parse(kept.secret.reveal()) : new Map<string, string>();
  known.set(kept, values);
  return values;
}

function parse(text: string): ReadonlyMap<string, string> {
  const written: unknown = JSON.parse(text);
  if (!isRecord(written)) return new Map();
  return new Map(
    Object.entries(written).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
