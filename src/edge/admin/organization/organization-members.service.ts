import { Injectable } from '@nestjs/common';
import { givenFields, mergeSettings } from '../../../core/definition/given-fields.js';
import {
  ORGANIZATION_MEMBER_SETTINGS,
  OrganizationMemberUpdateDefinition,
} from '../../../core/definition/organization.definition.js';
import type { MemberReference } from '../../../core/definition/team.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import {
  findMemberAccount,
  findOrCreateMemberAccount,
  type MemberAccount,
  type NamedMember,
} from '../membership/member-account.store.js';
import { Memberships } from '../membership/memberships.service.js';
import { deleteOwnedKeys } from '../membership/owned-keys.store.js';
import { mayManageMembers, standingInOrganization } from './organization-rules.js';
import { presentOrganizationMember, type OrganizationMemberRow } from './organization.presenter.js';

const WITH_USER = { user: { select: { email: true, alias: true } } } as const;

/** Who is in an organization, and as what. */
@Injectable()
export class OrganizationMembersService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly memberships: Memberships,
  ) {}

  /** All or none. */
  async add(actor: Principal, organizationId: string, members: readonly MemberReference[], maxBudget?: number) {
    return this.writer.write(actor, async (unit) => {
      await this.#authorise(unit, actor, organizationId);
      const accounts: MemberAccount[] = [];
      const rows: OrganizationMemberRow[] = [];
      const settings = maxBudget === undefined ? {} : { max_budget_in_organization: maxBudget };
      for (const member of members) {
        const account = await findOrCreateMemberAccount(unit, actor.userId, member);
        const where = { organizationId, userId: account.id };
        if ((await unit.tx.organizationMember.count({ where })) > 0) {
          throw new GatewayError('owner/refused', {
            detail: `User=${account.id} already in organization=${organizationId}`,
          });
        }
        const data = { ...where, role: member.role, settings };
        rows.push(await unit.tx.organizationMember.create({ data, include: WITH_USER }));
        accounts.push(account);
        tell(unit, 'member_added', organizationId, undefined, { user_id: account.id, role: member.role, ...settings });
      }
      return {
        organization_id: organizationId,
        updated_users: accounts.map(({ id, email, alias, role }) => ({
          user_id: id,
          user_email: email,
          user_alias: alias,
          user_role: role,
        })),
        updated_organization_memberships: rows.map(presentOrganizationMember),
      };
    });
  }

  async update(actor: Principal, organizationId: string, body: OrganizationMemberUpdateDefinition, raw: unknown) {
    return this.writer.write(actor, async (unit) => {
      await this.#authorise(unit, actor, organizationId);
      const before = await requireMember(unit.tx, organizationId, body);
      const given = givenFields(OrganizationMemberUpdateDefinition, body, raw);
      const settings = mergeSettings(before.settings, given, ORGANIZATION_MEMBER_SETTINGS);
      const after = await unit.tx.organizationMember.update({
        where: { organizationId_userId: { organizationId, userId: before.userId } },
        data: { role: given.role ?? before.role, settings: settings as Prisma.InputJsonObject },
        include: WITH_USER,
      });
      const [then, now] = [presentOrganizationMember(before), presentOrganizationMember(after)];
      tell(unit, 'member_updated', organizationId, audited(then), audited(now));
      return now;
    });
  }

  /** Their keys that belong to the organization and to no team go with them. */
  async remove(actor: Principal, organizationId: string, member: NamedMember) {
    return this.writer.write(actor, async (unit) => {
      await this.#authorise(unit, actor, organizationId);
      const row = await requireMember(unit.tx, organizationId, member);
      const { userId } = row;
      await unit.tx.organizationMember.delete({ where: { organizationId_userId: { organizationId, userId } } });
      await deleteOwnedKeys(unit, actor, { organizationId, userId, teamId: null });
      const presented = presentOrganizationMember(row);
      tell(unit, 'member_deleted', organizationId, audited(presented), undefined);
      return presented;
    });
  }

  async #authorise({ tx }: ControlUnit, actor: Principal, organizationId: string): Promise<void> {
    const standing = standingInOrganization(actor, await this.memberships.of(actor, tx), organizationId);
    if (!mayManageMembers(standing)) {
      throw new GatewayError('owner/forbidden', {
        detail: `Only proxy admins and admins of the organization may change its members. Your role=${actor.role}`,
      });
    }
    if ((await tx.organization.count({ where: { id: organizationId } })) > 0) return;
    throw new GatewayError('owner/not_found', {
      detail: `Organization not found for organization_id=${organizationId}`,
    });
  }
}

async function requireMember(
  tx: ControlUnit['tx'],
  organizationId: string,
  member: NamedMember,
): Promise<OrganizationMemberRow> {
  const account = await findMemberAccount(tx, member);
  const row =
    account === undefined
      ? null
      : await tx.organizationMember.findUnique({
          where: { organizationId_userId: { organizationId, userId: account.id } },
          include: WITH_USER,
        });
  if (row !== null) return row;
  throw new GatewayError('owner/not_found', {
    detail: `User=${member.user_id ?? member.user_email ?? ''} not found in organization=${organizationId}`,
  });
}

function tell(
  { changed, audit }: ControlUnit,
  action: string,
  organizationId: string,
  before: object | undefined,
  after: object | undefined,
): void {
  changed('organization', organizationId);
  audit({ action, objectKind: 'organization', objectId: organizationId, before, after });
}

function audited({ user_id, user_role, max_budget_in_organization }: Record<string, unknown>): object {
  return { user_id, role: user_role, max_budget_in_organization };
}
