import type { FieldIssue } from './field-checks.js';
import { describedAs } from './field-schema.js';

const ID_LENGTH_MAX = 255;
/** RFC 5321 §4.5.3.1.3: 254 in practice. */
const EMAIL_LENGTH_MAX = 254;
const CONTROL = /\p{Cc}/u;

const issue = (message: string): readonly FieldIssue[] => [{ at: [], message }];

/** An id people choose themselves, of a team, organization, user or customer. */
export function ownerId(value: unknown): readonly FieldIssue[] {
  if (typeof value !== 'string') return issue('must be a string');
  const fits = value.trim() !== '' && value.length <= ID_LENGTH_MAX && !CONTROL.test(value) && value.isWellFormed();
  return fits ? [] : issue(`must be 1 to ${ID_LENGTH_MAX} characters without control characters`);
}

/** An address, as far as it can be told without writing to it. */
export function emailAddress(value: unknown): readonly FieldIssue[] {
  if (typeof value !== 'string') return issue('must be a string');
  const fits =
    value.length <= EMAIL_LENGTH_MAX && /^[^\s@]+@[^\s@]+$/.test(value) && !CONTROL.test(value) && value.isWellFormed();
  return fits ? [] : issue('must be an e-mail address');
}

/** Addresses are compared without case. */
export function toEmail(value: unknown): unknown {
  return typeof value === 'string' ? value.trim().toLowerCase() : value;
}

describedAs({ type: 'string', minLength: 1, maxLength: ID_LENGTH_MAX }, ownerId);
describedAs({ type: 'string', format: 'email' }, emailAddress);
