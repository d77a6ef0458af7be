import 'reflect-metadata';
import { Transform, Type, type TransformFnParams } from 'class-transformer';
import { IsOptional, ValidateBy, ValidateNested, type ValidationArguments } from 'class-validator';
import { Secret } from '../model/secret.js';
import { type FieldCheck, type FieldIssue, isRecord, record } from './field-checks.js';
import { schemaOf, type FieldSchema } from './field-schema.js';

/** A class whose decorated fields describe what people may write. */
export type DefinitionClass<T extends object = object> = new () => T;

/** Field of a definition class to what judges it. */
const fieldChecks = new WeakMap<object, Map<string, FieldCheck>>();

/** Field of a definition class to the class of what is written inside it. */
const nestedClasses = new WeakMap<object, Map<string, DefinitionClass>>();

/**
 * Declares a field that may be left out and otherwise passes `check`. Null is read as left out (whoever must tell the two
 * apart looks at what was written). `convert` turns what was written into
 * what is kept, before the check; it must give back what it does not understand.
 */
export function Field(
  check: FieldCheck,
  convert: (written: unknown) => unknown = (written) => written,
): PropertyDecorator {
  return (target, key) => {
    const checks = fieldChecks.get(target) ?? new Map<string, FieldCheck>();
    fieldChecks.set(target, checks.set(String(key), check));
    // Class-transformer would walk into maps of its own accord, and stumbles over names such as `constructor`. A scalar
    // type keeps it out; what it makes of the value is not used.
    Type(() => Boolean)(target, key);
    Transform((parameters: TransformFnParams) => convert(written(parameters)) ?? undefined)(target, key);
    IsOptional()(target, key);
    ValidateBy({
      name: 'field',
      validator: {
        validate: (value: unknown) => check(value).length === 0,
        defaultMessage: (given?: ValidationArguments) => encodeIssues(check(given?.value)),
      },
    })(target, key);
  };
}

/** Declares a field that holds another definition. */
export function Nested(type: DefinitionClass): PropertyDecorator {
  return (target, key) => {
    const fields = nestedClasses.get(target) ?? new Map<string, DefinitionClass>();
    nestedClasses.set(target, fields.set(String(key), type));
    IsOptional()(target, key);
    Type(() => type)(target, key);
    Transform(({ value }: TransformFnParams) => (value as unknown) ?? undefined)(target, key);
    ValidateBy({
      name: 'mapping',
      validator: {
        validate: (value: unknown) => isRecord(value),
        defaultMessage: (given?: ValidationArguments) => encodeIssues(record(given?.value)),
      },
    })(target, key);
    ValidateNested()(target, key);
  };
}

/** The class inside a field declared by {@link Nested}, of this class or one it extends. */
export function nestedClassOf(type: DefinitionClass, field: string): DefinitionClass | undefined {
  for (let prototype: unknown = type.prototype; isObject(prototype); prototype = Object.getPrototypeOf(prototype)) {
    const found = nestedClasses.get(prototype)?.get(field);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The fields of a definition class in the order of their declaration, inherited ones first: to a schema, or to the class
 * of what is written inside. Empty for a class that is no definition.
 */
export function describeFields(type: DefinitionClass): ReadonlyMap<string, FieldSchema | DefinitionClass> {
  const chain: object[] = [];
  for (let prototype: unknown = type.prototype; isObject(prototype); prototype = Object.getPrototypeOf(prototype)) {
    chain.unshift(prototype);
  }
  return new Map(
    chain.flatMap((prototype): readonly (readonly [string, FieldSchema | DefinitionClass])[] => [
      ...[...(fieldChecks.get(prototype) ?? [])].map(([name, check]) => [name, schemaOf(check)] as const),
      ...(nestedClasses.get(prototype) ?? []),
    ]),
  );
}

const YES = new Set(['true', 'yes', 'on', '1']);
const NO = new Set(['false', 'no', 'off', '0']);

/** `yes`, `"true"` and their like, as environment variables and YAML 1.1 files have them. */
export function toFlag(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const folded = value.trim().toLowerCase();
  return YES.has(folded) ? true : NO.has(folded) ? false : value;
}

/** `"30"`, as an environment variable gives it. */
export function toNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
}

/** From here on the text cannot be printed. */
export function toSecret(value: unknown): unknown {
  return typeof value === 'string' ? new Secret(value) : value;
}

/** The values of a mapping become secrets. */
export function toSecretMap(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, toSecret(entry)]));
}

/** Variables as a mapping, or as a list of `{name, value, scope}`: the values become secrets. */
export function toSecretEnvironment(value: unknown): unknown {
  if (!Array.isArray(value)) return toSecretMap(value);
  return value.map((entry: unknown) => (isRecord(entry) ? { ...entry, value: toSecret(entry['value']) } : entry));
}

/** One line an issue; what stands in brackets leads to the spot inside the field. Read back by {@link decodeIssues}. */
function encodeIssues(issues: readonly FieldIssue[]): string {
  return issues
    .map(
      ({ at, message }) =>
        `${at.map((step) => `[${JSON.stringify(step)}]`).join('')}${at.length > 0 ? ' ' : ''}${message}`,
    )
    .join('\n');
}

const ENCODED_ISSUE = /^((?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])*) ?(.*)$/;

/** The issues in a message of a definition's field. */
export function decodeIssues(message: string): readonly FieldIssue[] {
  return message.split('\n').map((line) => {
    const [, steps = '', rest = line] = ENCODED_ISSUE.exec(line) ?? [];
    const at = [...steps.matchAll(/\[(\d+|"(?:[^"\\]|\\.)*")\]/g)].map(
      ([, step = '""']) => JSON.parse(step) as string | number,
    );
    return { at, message: rest };
  });
}

function written({ obj, key }: TransformFnParams): unknown {
  return isRecord(obj) ? obj[key] : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
