import { isIP } from 'class-validator';
import { Secret } from '../model/secret.js';
import { isSettableHeader } from './settable-header.js';
import { suggestion } from './closest-name.js';
import { describedAs, schemaOf } from './field-schema.js';

/** What is wrong with a value; `at` leads from the field to the spot inside it. */
export interface FieldIssue {
  readonly at: readonly (string | number)[];
  readonly message: string;
}

/** Judges the value of one field; an empty answer is approval. Pure. Messages never repeat the value. */
export type FieldCheck = (value: unknown) => readonly FieldIssue[];

const issue = (message: string): readonly FieldIssue[] => [{ at: [], message }];
const APPROVED: readonly FieldIssue[] = [];

/** RFC 9110 §5.6.2 token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
/** RFC 9110 §5.5 field value: no control characters, so no header can be smuggled in. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What `toolFingerprint` of `core/protocol` gives. */
const TOOL_FINGERPRINT = /^sha256:[0-9a-f]{64}$/;
const ENVIRONMENT_NAME = /^[^=\0]+$/;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret);
}

const mustBeText = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? 'must be a string: put it in quotes'
    : 'must be a string';

/** For fields that are accepted and never read. */
export function anything(): readonly FieldIssue[] {
  return APPROVED;
}

export function text(value: unknown): readonly FieldIssue[] {
  if (typeof value !== 'string') return issue(mustBeText(value));
  return value.includes('\0') ? issue('must not contain a null character') : APPROVED;
}

/** Text that travels in a `Secret` by the time it is checked; never empty, never with control characters. */
export function secretText(value: unknown): readonly FieldIssue[] {
  if (!(value instanceof Secret)) return issue(mustBeText(value));
  const revealed = value.reveal();
  if (revealed === '') return issue('must not be empty');
  return HEADER_VALUE.test(revealed) ? APPROVED : issue('must not contain line breaks or control characters');
}

/** Like {@link secretText} for several lines, such as a PEM key. */
export function secretDocument(value: unknown): readonly FieldIssue[] {
  if (!(value instanceof Secret)) return issue(mustBeText(value));
  return value.reveal() === '' ? issue('must not be empty') : APPROVED;
}

export function flag(value: unknown): readonly FieldIssue[] {
  return typeof value === 'boolean' ? APPROVED : issue('must be true or false');
}

export function integerBetween(min: number, max: number): FieldCheck {
  return describedAs({ type: 'integer', minimum: min, maximum: max }, (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? APPROVED
      : issue(`must be a whole number from ${min} to ${max}`),
  );
}

export function numberBetween(min: number, max: number, unit = ''): FieldCheck {
  const described = { type: 'number', minimum: min, maximum: max } as const;
  return describedAs(unit === '' ? described : { ...described, description: unit }, (value) =>
    typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max
      ? APPROVED
      : issue(`must be a number${unit === '' ? '' : ` of ${unit}`} from ${min} to ${max}`),
  );
}

export function oneOf(choices: readonly string[]): FieldCheck {
  return describedAs({ type: 'string', enum: choices }, (value) => {
    if (typeof value === 'string' && choices.includes(value)) return APPROVED;
    const hint = typeof value === 'string' ? suggestion(value, choices) : '';
    return issue(`must be one of ${choices.join(', ')}${hint}`);
  });
}

/** An absolute http or https URL. */
export function httpUrl(value: unknown): readonly FieldIssue[] {
  if (typeof value !== 'string') return issue(mustBeText(value));
  if (value === '') return APPROVED;
  const url = URL.parse(value);
  if (url === null) return issue('must be a URL such as https://host/path');
  return url.protocol === 'http:' || url.protocol === 'https:' ? APPROVED : issue('must be an http or https URL');
}

/** A file path or an http(s) URL. */
export function fileOrUrl(value: unknown): readonly FieldIssue[] {
  if (typeof value === 'string' && /^[a-z][a-z0-9+.-]+:\/\//i.test(value)) return httpUrl(value);
  return text(value);
}

export function headerName(value: unknown): readonly FieldIssue[] {
  if (typeof value !== 'string') return issue(mustBeText(value));
  return HEADER_NAME.test(value) ? APPROVED : issue('must be a valid header name');
}

/** A header that a credential may travel in: none that frames the message or belongs to the protocol. */
export function credentialHeaderName(value: unknown): readonly FieldIssue[] {
  const issues = headerName(value);
  if (issues.length > 0 || isSettableHeader(String(value).toLowerCase())) return issues;
  return issue('must not be a header of HTTP or of the protocol itself');
}

/** What a browser sends as Origin, or `*` for any. */
export function webOrigin(value: unknown): readonly FieldIssue[] {
  if (value === '*') return APPROVED;
  if (typeof value !== 'string') return issue(mustBeText(value));
  const url = URL.parse(value);
  const isOrigin = url !== null && url.origin !== 'null' && url.origin === value.replace(/\/$/, '').toLowerCase();
  return isOrigin ? APPROVED : issue('must be an origin such as https://app.example.com, without a path');
}

/** A host name or address, with or without a port. */
export function hostName(value: unknown): readonly FieldIssue[] {
  if (typeof value !== 'string') return issue(mustBeText(value));
  return /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.test(value)
    ? APPROVED
    : issue('must be a host name such as mcp.example.com, without scheme and path');
}

export function addressRange(value: unknown): readonly FieldIssue[] {
  if (typeof value !== 'string') return issue(mustBeText(value));
  const [address = '', prefix, ...rest] = value.split('/');
  const bits = isIP(address, 4) ? 32 : isIP(address, 6) ? 128 : -1;
  const prefixFits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  return bits > 0 && prefixFits && rest.length === 0 ? APPROVED : issue('must be an address range such as 10.0.0.0/8');
}

/** A list whose items all pass `check`; every bad item is named by its index. */
export function listOf(check: FieldCheck): FieldCheck {
  return describedAs(
    () => ({ type: 'array', items: schemaOf(check) }),
    (value) => {
      if (!Array.isArray(value)) {
        return issue(
          typeof value === 'string' ? 'must be a list: write [value], or one "- value" per line' : 'must be a list',
        );
      }
      return value.flatMap((item: unknown, index) => below(index, check(item)));
    },
  );
}

/** A mapping whose values all pass `check`; every bad entry is named by its key. */
export function mapOf(check: FieldCheck, key: FieldCheck = () => APPROVED): FieldCheck {
  return describedAs(
    () => ({ type: 'object', additionalProperties: schemaOf(check) }),
    (value) => {
      if (!isRecord(value)) return issue('must be a mapping (name: value)');
      return Object.entries(value).flatMap(([name, entry]) => [
        ...below(name, key(name)),
        ...below(name, check(entry)),
      ]);
    },
  );
}

export function record(value: unknown): readonly FieldIssue[] {
  return isRecord(value) ? APPROVED : issue('must be a mapping (name: value)');
}

/** A mapping or a list; used where the incumbent leaves the inside open. */
export function recordOrList(value: unknown): readonly FieldIssue[] {
  return isRecord(value) || Array.isArray(value) ? APPROVED : issue('must be a mapping or a list');
}

/** What `toolFingerprint` gives. */
export function fingerprint(value: unknown): readonly FieldIssue[] {
  return typeof value === 'string' && TOOL_FINGERPRINT.test(value)
    ? APPROVED
    : issue('must be sha256: and 64 hex digits, as POST /v1/mcp/server/{id}/pin writes it');
}

/** Header name to `Secret` value. */
export const secretHeaders: FieldCheck = mapOf((value) => {
  if (!(value instanceof Secret)) return issue(mustBeText(value));
  return HEADER_VALUE.test(value.reveal()) ? APPROVED : issue('must not contain line breaks or control characters');
}, headerName);

const environmentName: FieldCheck = (name) =>
  typeof name === 'string' && ENVIRONMENT_NAME.test(name) ? APPROVED : issue('must be the name of a variable');

const environmentValue: FieldCheck = (value) => {
  if (!(value instanceof Secret)) return issue(mustBeText(value));
  return value.reveal().includes('\0') ? issue('must not contain a null character') : APPROVED;
};

const environmentEntry: FieldCheck = (value) => {
  if (!isRecord(value)) return issue('must be a mapping with name, value and scope');
  return [
    ...below('name', environmentName(value['name'])),
    ...(value['value'] === undefined ? [] : below('value', environmentValue(value['value']))),
    ...(value['scope'] === undefined ? [] : below('scope', oneOf(['global', 'per_user'])(value['scope']))),
  ];
};

/** Variables as a mapping, or as a list of `{name, value, scope}`; values in `Secret`s. */
export const environment: FieldCheck = (value) =>
  Array.isArray(value) ? listOf(environmentEntry)(value) : mapOf(environmentValue, environmentName)(value);

describedAs({ type: 'string' }, text);
describedAs({ type: 'string', minLength: 1, writeOnly: true }, secretText);
describedAs({ type: 'string', minLength: 1, writeOnly: true }, secretDocument);
describedAs({ type: 'boolean' }, flag);
describedAs({ type: 'string', format: 'uri' }, httpUrl);
describedAs({ type: 'string', description: 'a file path or an http(s) URL' }, fileOrUrl);
describedAs({ type: 'string', pattern: HEADER_NAME.source }, headerName);
describedAs({ type: 'string', pattern: HEADER_NAME.source }, credentialHeaderName);
describedAs({ type: 'string', description: 'an origin such as https://app.example.com, or *' }, webOrigin);
describedAs({ type: 'string', description: 'a host name or address, with or without a port' }, hostName);
describedAs({ type: 'string', description: 'an address range such as 10.0.0.0/8' }, addressRange);
describedAs({ type: 'object' }, record);
describedAs({ type: 'string', pattern: TOOL_FINGERPRINT.source }, fingerprint);
describedAs({ anyOf: [{ type: 'object' }, { type: 'array' }] }, recordOrList);
const secretValues = { type: 'object', additionalProperties: { type: 'string', writeOnly: true } } as const;
describedAs(secretValues, secretHeaders);
describedAs({ anyOf: [secretValues, { type: 'array', items: { type: 'object' } }] }, environment);

function below(step: string | number, issues: readonly FieldIssue[]): readonly FieldIssue[] {
  return issues.map(({ at, message }) => ({ at: [step, ...at], message }));
}
