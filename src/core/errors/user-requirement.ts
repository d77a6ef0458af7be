import type { ErrorCode } from './catalog.js';
import type { GatewayError } from './gateway-error.js';

/** Something the user must bring before this server can be used at all. */
export type UserRequirementCode = Extract<
  ErrorCode,
  'upstream/login_required' | 'upstream/user_key_required' | 'upstream/user_values_required'
>;

const CODES: Readonly<Record<UserRequirementCode, true>> = {
  'upstream/login_required': true,
  'upstream/user_key_required': true,
  'upstream/user_values_required': true,
};

/** Whether nothing was sent to a server because its user must bring something first: no fault of the server's. */
export function isUserRequirement({ code }: GatewayError): boolean {
  return code in CODES;
}

/** What outcomes call it: `login_required`… */
export function requirementName({ code }: GatewayError): string {
  return code.slice(code.indexOf('/') + 1);
}
