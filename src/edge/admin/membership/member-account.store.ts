import { randomUUID } from 'node:crypto';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';

/** The person behind a member of a team or organization. */
export interface MemberAccount {
  readonly id: string;
  readonly email: string | null;
  readonly alias: string | null;
  readonly role: string;
}

/** How a member is named: by id, by address, or by both, which then must be the same person. */
export interface NamedMember {
  readonly user_id?: string | undefined;
  readonly user_email?: string | undefined;
}

const SELECT = { id: true, email: true, alias: true, role: true } as const;

/** The account a member names; undefined when there is none. Throws `owner/refused` when an address names several. */
export async function findMemberAccount(
  tx: ControlUnit['tx'],
  { user_id: id, user_email: email }: NamedMember,
): Promise<MemberAccount | undefined> {
  if (id !== undefined) {
    const account = await tx.userAccount.findUnique({ where: { id }, select: SELECT });
    if (account !== null && email !== undefined && account.email !== null && account.email.toLowerCase() !== email) {
      throw new GatewayError('owner/refused', { detail: `user_id=${id} does not have the given user_email` });
    }
    return account ?? undefined;
  }
  if (email === undefined) return undefined;
  const accounts = await tx.userAccount.findMany({ where: { email }, select: SELECT, take: 2 });
  if (accounts.length > 1) {
    throw new GatewayError('owner/refused', {
      detail: "Multiple users with this email found in db. Please use 'user_id' instead.",
    });
  }
  return accounts[0];
}

/** The same; whoever is not there yet gets an account without any rights (reference §3.8). */
export async function findOrCreateMemberAccount(
  unit: ControlUnit,
  actorUserId: string | undefined,
  member: NamedMember,
): Promise<MemberAccount> {
  const found = await findMemberAccount(unit.tx, member);
  if (found !== undefined) return found;
  const { user_id: id = randomUUID(), user_email: email } = member;
  const account = await unit.tx.userAccount.create({
    data: { id, email: email ?? null, createdBy: actorUserId ?? null, updatedBy: actorUserId ?? null },
    select: SELECT,
  });
  unit.changed('user', id);
  unit.audit({
    action: 'created',
    objectKind: 'user',
    objectId: id,
    after: { user_id: id, user_email: account.email, user_role: account.role },
  });
  return account;
}
