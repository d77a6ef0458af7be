import { budgetRefusal, type BudgetState } from '../../../core/definition/budget-rules.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { auditValue } from '../audit/audit-value.js';
import { presentUser, type UserRow } from './user.presenter.js';

type Transaction = ControlUnit['tx'];

/** What a user is read with. */
export const USER_PARTS = {
  objectPermission: true,
  teams: {
    where: { team: { deletedAt: null } },
    select: { teamId: true, role: true },
    orderBy: [{ createdAt: 'asc' }, { teamId: 'asc' }],
  },
  organizations: {
    select: { organizationId: true, role: true },
    orderBy: [{ createdAt: 'asc' }, { organizationId: 'asc' }],
  },
} as const satisfies Prisma.UserAccountInclude;

/** How a user is named: by id, or by address. */
export interface NamedUser {
  readonly user_id?: string | undefined;
  readonly user_email?: string | undefined;
}

/** @throws GatewayError `owner/not_found`; `owner/refused` when several have the address. */
export async function requireUser(
  tx: Pick<Transaction, 'userAccount'>,
  { user_id: id, user_email: email }: NamedUser,
): Promise<UserRow> {
  const where = id === undefined ? { email: email ?? '' } : { id };
  const [row, another] = await tx.userAccount.findMany({ where, include: USER_PARTS, take: 2 });
  if (row === undefined) {
    throw new GatewayError('owner/not_found', { detail: `User not found, passed user_id=${id ?? email ?? ''}` });
  }
  if (another !== undefined) {
    throw new GatewayError('owner/refused', {
      detail: "Multiple users with this email found in db. Please use 'user_id' instead.",
    });
  }
  return row;
}

/** Members of teams and organizations are found by their address: it belongs to one account. */
export async function requireFreeEmail(tx: Transaction, email: string, userId: string): Promise<void> {
  if ((await tx.userAccount.count({ where: { email, id: { not: userId } } })) === 0) return;
  throw new GatewayError('owner/refused', {
    detail: `User with email ${email} already exists`,
    data: { param: 'user_email' },
  });
}

export async function requireFreeSsoId(tx: Transaction, ssoUserId: string, userId: string): Promise<void> {
  if ((await tx.userAccount.count({ where: { ssoUserId, id: { not: userId } } })) === 0) return;
  throw new GatewayError('owner/refused', {
    detail: `User with sso_user_id ${ssoUserId} already exists`,
    data: { param: 'sso_user_id' },
  });
}

export function refuseBudget(state: BudgetState): void {
  const refusal = budgetRefusal(state);
  if (refusal !== undefined) throw new GatewayError('owner/refused', { detail: refusal });
}

/** Tells replicas and the audit of a write to a user; `after` undefined: they are gone. */
export function tellUser(
  { changed, audit }: ControlUnit,
  action: string,
  before: UserRow | undefined,
  after: UserRow | undefined,
): void {
  const id = after?.id ?? before?.id ?? '';
  changed('user', id);
  audit({
    action,
    objectKind: 'user',
    objectId: id,
    ...(before === undefined ? {} : { before: auditValue(presentUser(before)) }),
    ...(after === undefined ? {} : { after: auditValue(presentUser(after)) }),
  });
}
