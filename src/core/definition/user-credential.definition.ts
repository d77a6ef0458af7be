import { Secret } from '../model/secret.js';
import { flag, integerBetween, isRecord, listOf, secretText, text, type FieldIssue } from './field-checks.js';
import { Field, toFlag, toNumber, toSecret, toSecretMap } from './field-decorators.js';
import { describedAs } from './field-schema.js';
import { shortText } from './storable.js';

const SECRET_MAX = 16_384;
const VARIABLES_MAX = 100;
/** Ten years: what no access token outlives. */
const EXPIRES_MAX = 315_360_000;

/** {@link secretText} that is kept for a user: bounded. */
function keptSecret(value: unknown): readonly FieldIssue[] {
  const issues = secretText(value);
  if (issues.length > 0 || !(value instanceof Secret)) return issues;
  return value.reveal().length > SECRET_MAX
    ? [{ at: [], message: `must not be longer than ${SECRET_MAX} characters` }]
    : [];
}

/** Names to values; an empty value takes the variable back. */
function variableValues(value: unknown): readonly FieldIssue[] {
  if (!isRecord(value)) return [{ at: [], message: 'must be a mapping (name: value)' }];
  const entries = Object.entries(value);
  if (entries.length > VARIABLES_MAX) return [{ at: [], message: `must not hold more than ${VARIABLES_MAX} values` }];
  return entries.flatMap(([name, given]) =>
    given instanceof Secret && given.reveal() === ''
      ? []
      : keptSecret(given).map(({ at, message }) => ({ at: [name, ...at], message })),
  );
}

describedAs({ type: 'string', minLength: 1, maxLength: SECRET_MAX, writeOnly: true }, keptSecret);
describedAs({ type: 'object', additionalProperties: { type: 'string', writeOnly: true } }, variableValues);

/** `POST /v1/mcp/server/{id}/user-credential` (reference §3.5). */
export class UserKeyDefinition {
  /** The user's own key for this server. */
  @Field(keptSecret, toSecret)
  credential?: Secret;

  /** False: nothing is kept. Default true. */
  @Field(flag, toFlag)
  save?: boolean;
}

/** `POST /v1/mcp/server/{id}/oauth-user-credential`. */
export class UserTokensDefinition {
  @Field(keptSecret, toSecret)
  access_token?: Secret;

  @Field(keptSecret, toSecret)
  refresh_token?: Secret;

  /** Seconds. */
  @Field(integerBetween(1, EXPIRES_MAX), toNumber)
  expires_in?: number;

  @Field(listOf(text))
  scopes?: string[];
}

/** `POST /v1/mcp/server/{id}/user-env-vars`. */
export class UserVariablesDefinition {
  /** What it does not name stays; an empty value takes it back. */
  @Field(variableValues, toSecretMap)
  values?: Record<string, Secret>;
}

/** Whose credentials; absent: the caller's. */
export class CredentialOwnerQuery {
  /** Of another user: for proxy admins. */
  @Field(shortText(256))
  user_id?: string;
}
