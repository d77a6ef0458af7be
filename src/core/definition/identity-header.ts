import { IDENTITY_HEADER, type IdentityHeaderDefaults } from '../model/identity-header.js';
import {
  credentialHeaderName,
  flag,
  httpUrl,
  integerBetween,
  isRecord,
  text,
  type FieldCheck,
  type FieldIssue,
} from './field-checks.js';
import { describedAs } from './field-schema.js';

/** `identity_header` of a server: whether and how it is told who calls. */
const OF_SERVER: Readonly<Record<string, FieldCheck>> = {
  enabled: flag,
  header: (value) => (value === IDENTITY_HEADER ? [] : credentialHeaderName(value)),
  audience: text,
};

/** `general_settings.identity_header`: the same for all servers, and what concerns the tokens themselves. */
const OF_ALL: Readonly<Record<string, FieldCheck>> = {
  ...OF_SERVER,
  issuer: httpUrl,
  ttl_seconds: integerBetween(60, 3_600),
  rotation_days: integerBetween(0, 3_650),
};

/** Yes or no, or a mapping, whose presence means yes. */
function flagOrMapping(fields: Readonly<Record<string, FieldCheck>>): FieldCheck {
  const check = (value: unknown): readonly FieldIssue[] => {
    if (typeof value === 'boolean') return [];
    if (!isRecord(value)) return [{ at: [], message: 'must be true, false or a mapping' }];
    return Object.entries(value).flatMap(([name, given]) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      // A misspelt field is an error: it would decide what a server believes.
      if (field === undefined) return [{ at: [name], message: `unknown; known are ${Object.keys(fields).join(', ')}` }];
      if (given === undefined || given === null) return [];
      return field(given).map(({ at, message }) => ({ at: [name, ...at], message }));
    });
  };
  return describedAs({ anyOf: [{ type: 'boolean' }, { type: 'object' }] }, check);
}

export const serverIdentityHeader = flagOrMapping(OF_SERVER);
export const generalIdentityHeader = flagOrMapping(OF_ALL);

/** What a valid `general_settings.identity_header` says. */
export interface IdentitySettingsWritten {
  readonly defaults: IdentityHeaderDefaults;
  readonly issuer: string | undefined;
  readonly ttlSeconds: number | undefined;
  readonly rotationDays: number | undefined;
}

/** A value that passed {@link generalIdentityHeader}, or undefined. */
export function readIdentityDefaults(written: unknown): IdentitySettingsWritten {
  const fields = isRecord(written) ? written : {};
  const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  return {
    defaults: readIdentityHeader(written, { enabled: false, header: undefined, audience: undefined }),
    issuer: filled(fields['issuer']),
    ttlSeconds: number(fields['ttl_seconds']),
    rotationDays: number(fields['rotation_days']),
  };
}

/** A value that passed {@link serverIdentityHeader}, or undefined, over what holds for all. */
export function readIdentityHeader(written: unknown, defaults: IdentityHeaderDefaults): IdentityHeaderDefaults {
  if (typeof written === 'boolean') return { ...defaults, enabled: written };
  if (!isRecord(written)) return defaults;
  return {
    enabled: written['enabled'] !== false,
    header: filled(written['header'])?.toLowerCase() ?? defaults.header,
    audience: filled(written['audience']) ?? defaults.audience,
  };
}

function filled(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
