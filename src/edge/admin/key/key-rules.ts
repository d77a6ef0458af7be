import { problemAt, type FieldProblem } from '../../../core/definition/field-problem.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { KeyBody } from './key-changes.js';

const PAIRED = ['temp_budget_increase', 'temp_budget_expiry'] as const;

/** What concerns several fields of a body: problems that are told with 422. */
export function bodyProblems({ written }: KeyBody): readonly FieldProblem[] {
  const [increase, expiry] = PAIRED.map((field) => written[field] !== undefined && written[field] !== null);
  return increase === expiry
    ? []
    : [problemAt([increase === true ? PAIRED[1] : PAIRED[0]], `needed: ${PAIRED.join(' and ')} go together`)];
}

/** What a body asks for that nobody, or not this caller, may have. */
export function bodyRefusal({ definition, written }: KeyBody, actor: Principal): GatewayError | undefined {
  for (const field of ['max_budget', 'soft_budget', 'spend'] as const) {
    if ((definition[field] ?? 0) < 0)
      return refused(field, `${field} cannot be negative. Received: ${definition[field]}`);
  }
  if (actor.role === 'proxy_admin') return undefined;
  if ((definition.spend ?? 0) !== 0 || written['spend'] === null) return adminsOnly('spend');
  // Groups grant servers: giving them is an admin's business until it can be checked against what one holds.
  if (definition.access_group_ids !== undefined && definition.access_group_ids.length > 0)
    return adminsOnly('access_group_ids');
  return undefined;
}

export function refused(param: string, detail: string): GatewayError {
  return new GatewayError('key/refused', { detail, data: { param } });
}

function adminsOnly(param: string): GatewayError {
  return new GatewayError('key/forbidden', { detail: `Only proxy admins can set ${param}`, data: { param } });
}
