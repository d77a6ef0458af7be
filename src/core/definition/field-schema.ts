/**
 * JSON Schema (2020-12) of what may be written into a field, as far as it can be said in it; empty: anything. For
 * documents only: the check decides, and may be stricter.
 */
export interface FieldSchema {
  readonly type?: 'string' | 'boolean' | 'integer' | 'number' | 'array' | 'object';
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: FieldSchema;
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly additionalProperties?: FieldSchema;
  readonly anyOf?: readonly FieldSchema[];
  /** Accepted, never given back. */
  readonly writeOnly?: boolean;
  readonly description?: string;
}

type Check = (value: unknown) => unknown;

const schemas = new WeakMap<Check, () => FieldSchema>();

/** Says what `check` lets pass, and gives it back. A function is asked when somebody wants to know. */
export function describedAs<T extends Check>(schema: FieldSchema | (() => FieldSchema), check: T): T {
  schemas.set(check, typeof schema === 'function' ? schema : () => schema);
  return check;
}

/** What {@link describedAs} said of this check; empty when nobody said anything. */
export function schemaOf(check: Check): FieldSchema {
  return schemas.get(check)?.() ?? {};
}
