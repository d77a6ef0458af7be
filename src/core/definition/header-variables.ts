import { Secret } from '../model/secret.js';
import { isRecord, headerName, oneOf, type FieldIssue } from './field-checks.js';
import { describedAs } from './field-schema.js';

/** RFC 9110 §5.5 field value. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const scopeOf = oneOf(['global', 'per_user']);

/** Headers as a mapping of names to values, or as a list of `{name, value, scope, description}`. */
export function headerVariables(value: unknown): readonly FieldIssue[] {
  if (Array.isArray(value)) return value.flatMap((entry: unknown, index) => below(index, variable(entry)));
  if (!isRecord(value)) return [{ at: [], message: 'must be a mapping or a list' }];
  return Object.entries(value).flatMap(([name, given]) => [
    ...below(name, headerName(name)),
    ...below(name, headerValue(given)),
  ]);
}

describedAs(
  {
    anyOf: [
      { type: 'object', additionalProperties: { type: 'string', writeOnly: true } },
      { type: 'array', items: { type: 'object' } },
    ],
  },
  headerVariables,
);

function variable(entry: unknown): readonly FieldIssue[] {
  if (!isRecord(entry)) return [{ at: [], message: 'must be a mapping with name, value and scope' }];
  const { name, value, scope } = entry;
  const isGlobal = scope === undefined || scope === null || scope === 'global';
  return [
    ...below('name', headerName(name)),
    ...(scope === undefined || scope === null ? [] : below('scope', scopeOf(scope))),
    ...(value === undefined || value === null ? [] : below('value', headerValue(value))),
    ...(isGlobal && (value === undefined || value === null || value === '')
      ? [{ at: ['value'], message: 'is required, unless the scope is per_user' }]
      : []),
  ];
}

function headerValue(value: unknown): readonly FieldIssue[] {
  const text = value instanceof Secret ? value.reveal() : value;
  if (typeof text !== 'string') return [{ at: [], message: 'must be a string' }];
  return HEADER_VALUE.test(text) ? [] : [{ at: [], message: 'must not contain line breaks or control characters' }];
}

function below(step: string | number, issues: readonly FieldIssue[]): readonly FieldIssue[] {
  return issues.map(({ at, message }) => ({ at: [step, ...at], message }));
}
