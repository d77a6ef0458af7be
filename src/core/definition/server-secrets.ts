import { Secret } from '../model/secret.js';
import { isRecord } from './field-checks.js';
import type { ServerDefinition } from './server.definition.js';

/** Stands for a secret wherever a definition is shown. Sent back, it means: keep what is stored. */
export const HIDDEN = '***';

/** The fields of a server as plain data: what REST and the database hold. */
export type ServerFields = Readonly<Record<string, unknown>>;

/** Members of REST's `credentials`, and fields of the file, that are secrets as a whole (reference §3.1, §9.11). */
export const CREDENTIAL_FIELDS = [
  'auth_value',
  'authentication_token',
  'client_id',
  'client_secret',
  'client_private_key',
  'aws_access_key_id',
  'aws_secret_access_key',
  'aws_session_token',
] as const;

/** Mappings whose values are secrets; also lists of `{name, value}`. */
export const SECRET_MAPPINGS = ['env', 'static_headers', 'header_variables'] as const;

const URLS = [
  'url',
  'spec_path',
  'authorization_url',
  'token_url',
  'registration_url',
  'token_exchange_endpoint',
  'id_jag_resource_token_endpoint',
] as const;

/** Path segments from this length on that mix letters and digits are taken for tokens. */
const TOKEN_SEGMENT_MIN = 20;

/**
 * The same fields with every secret replaced: credentials, values of `env` and `static_headers`, and in URLs user name,
 * password, values of the query and path segments that look like tokens. Arguments of a command are not looked at.
 */
export function replaceSecrets(fields: ServerFields, replace: (secret: string) => string): Record<string, unknown> {
  const replaced: Record<string, unknown> = { ...fields };
  for (const field of CREDENTIAL_FIELDS) {
    if (typeof fields[field] === 'string') replaced[field] = replace(fields[field]);
  }
  for (const field of SECRET_MAPPINGS) {
    if (field in fields) replaced[field] = replaceValues(fields[field], replace);
  }
  for (const field of URLS) {
    if (typeof fields[field] === 'string') replaced[field] = replaceInUrl(fields[field], replace);
  }
  return replaced;
}

/** What may be shown and stored in clear, and what is to be sealed: fields whose shown form is not the whole truth. */
export function splitSecrets(fields: ServerFields): {
  readonly shown: Record<string, unknown>;
  readonly secrets: Record<string, unknown>;
} {
  const shown = replaceSecrets(fields, () => HIDDEN);
  const secrets = Object.entries(fields).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(shown[name]),
  );
  return { shown, secrets: Object.fromEntries(secrets) };
}

/** The inverse of {@link splitSecrets}. */
export function joinSecrets(shown: ServerFields, secrets: ServerFields): Record<string, unknown> {
  return { ...shown, ...secrets };
}

/** A validated definition as it may be shown. */
export function shownDefinition(definition: ServerDefinition): Record<string, unknown> {
  const fields = Object.entries(definition).filter(([, value]) => value !== undefined);
  return replaceSecrets(Object.fromEntries(fields.map(([name, value]) => [name, withoutSecrets(value)])), () => HIDDEN);
}

function withoutSecrets(value: unknown): unknown {
  if (value instanceof Secret) return HIDDEN;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutSecrets(member)]));
}

function replaceValues(value: unknown, replace: (secret: string) => string): unknown {
  const replaced = (member: unknown): unknown =>
    member === undefined || member === null
      ? member
      : replace(typeof member === 'string' ? member : JSON.stringify(member));
  if (Array.isArray(value)) {
    return value.map((entry: unknown) =>
      isRecord(entry) && 'value' in entry ? { ...entry, value: replaced(entry['value']) } : entry,
    );
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, replaced(member)]));
}

/** The text itself where there is nothing to replace, so that a shown URL is spelled as it was written. */
function replaceInUrl(text: string, replace: (secret: string) => string): string {
  const url = URL.parse(text);
  if (url === null || url.host === '') return text;
  const segments = url.pathname.split('/');
  const looksSecret = segments.map((segment) => isToken(segment));
  const hasUser = url.username !== '' || url.password !== '';
  if (!hasUser && url.search === '' && !looksSecret.includes(true)) return text;
  const user = hasUser ? `${replace(`${url.username}:${url.password}`)}@` : '';
  const path = segments.map((segment, index) => (looksSecret[index] === true ? replace(segment) : segment)).join('/');
  const query = [...url.searchParams].map(([name, value]) => `${encodeURIComponent(name)}=${replace(value)}`).join('&');
  return `${url.protocol}//${user}${url.host}${path}${query === '' ? '' : `?${query}`}`;
}

function isToken(segment: string): boolean {
  return segment.length >= TOKEN_SEGMENT_MIN && /\d/.test(segment) && /[A-Za-z]/.test(segment);
}
