import { Injectable } from '@nestjs/common';
import { givenFields, mergeSettings } from '../../../core/definition/given-fields.js';
import {
  TEAM_MEMBER_SETTINGS,
  TeamMemberUpdateDefinition,
  type MemberReference,
  type TeamBulkMemberAddDefinition,
} from '../../../core/definition/team.definition.js';
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
import { deleteOwnedKeys } from '../membership/owned-keys.store.js';
import { TEAM_PARTS, TeamAccess, type ReachedTeam } from './team-access.service.js';
import { presentTeam, presentTeamMembership, type TeamMemberRow } from './team.presenter.js';

/** People one request adds with `all_users`. */
const ALL_USERS_MAX = 10_000;

interface AddedMember {
  readonly account: MemberAccount;
  readonly membership: TeamMemberRow;
}

type AddOutcome = { readonly member: MemberReference } & (
  { readonly added: AddedMember } | { readonly refusal: GatewayError }
);

/** Who is in a team. */
@Injectable()
export class TeamMembersService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly access: TeamAccess,
  ) {}

  /** All or none. */
  async add(actor: Principal, teamId: string, members: readonly MemberReference[], maxBudget?: number) {
    return this.writer.write(actor, async (unit) => {
      await this.access.reach(actor, teamId, 'members', unit.tx);
      const added: AddedMember[] = [];
      for (const member of members) added.push(await addMember(unit, actor, teamId, member, maxBudget));
      unit.changed('team', teamId);
      const team = await unit.tx.team.findUniqueOrThrow({ where: { id: teamId }, include: TEAM_PARTS });
      return {
        ...presentTeam(team),
        updated_users: added.map(({ account }) => presentAccount(account)),
        updated_team_memberships: added.map(({ membership }) => presentTeamMembership(membership)),
      };
    });
  }

  /** Adds whom it can, and says of each what became of them. */
  async addMany(actor: Principal, teamId: string, body: TeamBulkMemberAddDefinition) {
    return this.writer.write(actor, async (unit) => {
      const { tx } = unit;
      const reached = await this.access.reach(actor, teamId, 'members', tx);
      const wanted = body.all_users === true ? await everybodyElse(tx, actor, reached) : (body.members ?? []);
      const outcomes: AddOutcome[] = [];
      for (const member of wanted) {
        try {
          outcomes.push({ member, added: await addMember(unit, actor, teamId, member, body.max_budget_in_team) });
        } catch (error) {
          // A refusal was found by reading: the transaction is as it was.
          if (!(error instanceof GatewayError) || error.code !== 'owner/refused') throw error;
          outcomes.push({ member, refusal: error });
        }
      }
      unit.changed('team', teamId);
      const team = await tx.team.findUniqueOrThrow({ where: { id: teamId }, include: TEAM_PARTS });
      const additions = outcomes.filter((outcome) => 'added' in outcome).length;
      return {
        team_id: teamId,
        results: outcomes.map(presentOutcome),
        total_requested: outcomes.length,
        successful_additions: additions,
        failed_additions: outcomes.length - additions,
        updated_team: presentTeam(team),
      };
    });
  }

  /** Their keys of this team go with them. */
  async remove(actor: Principal, teamId: string, member: NamedMember) {
    return this.writer.write(actor, async (unit) => {
      const { tx } = unit;
      await this.access.reach(actor, teamId, 'members', tx);
      const row = await requireMember(tx, teamId, member);
      const { userId, role } = row;
      await tx.teamMember.delete({ where: { teamId_userId: { teamId, userId } } });
      const deletedKeys = await deleteOwnedKeys(unit, actor, { teamId, userId });
      unit.changed('team', teamId);
      const before = { user_id: userId, role, deleted_keys: deletedKeys };
      unit.audit({ action: 'member_deleted', objectKind: 'team', objectId: teamId, before });
      return presentTeam(await tx.team.findUniqueOrThrow({ where: { id: teamId }, include: TEAM_PARTS }));
    });
  }

  async update(actor: Principal, teamId: string, body: TeamMemberUpdateDefinition, raw: unknown) {
    return this.writer.write(actor, async (unit) => {
      const { tx } = unit;
      await this.access.reach(actor, teamId, 'members', tx);
      const before = await requireMember(tx, teamId, body);
      const given = givenFields(TeamMemberUpdateDefinition, body, raw);
      const after = await tx.teamMember.update({
        where: { teamId_userId: { teamId, userId: before.userId } },
        data: {
          role: given.role ?? before.role,
          settings: mergeSettings(before.settings, given, TEAM_MEMBER_SETTINGS) as Prisma.InputJsonObject,
        },
        include: { user: { select: { email: true } } },
      });
      unit.changed('team', teamId);
      unit.audit({
        action: 'member_updated',
        objectKind: 'team',
        objectId: teamId,
        before: presentTeamMembership(before),
        after: presentTeamMembership(after),
      });
      const { litellm_budget_table: limits, ...membership } = presentTeamMembership(after);
      const { tpm_limit, rpm_limit, budget_duration } = limits;
      return { ...membership, tpm_limit, rpm_limit, budget_duration };
    });
  }
}

async function addMember(
  unit: ControlUnit,
  actor: Principal,
  teamId: string,
  member: MemberReference,
  maxBudget: number | undefined,
): Promise<AddedMember> {
  const { tx } = unit;
  const known = await findMemberAccount(tx, member);
  const isIn = known !== undefined && (await tx.teamMember.count({ where: { teamId, userId: known.id } })) > 0;
  if (isIn) {
    throw new GatewayError('owner/refused', {
      detail: `User=${member.user_id ?? member.user_email ?? ''} already in team=${teamId}`,
      data: { type: 'team_member_already_in_team', param: 'user_id' },
    });
  }
  const account = known ?? (await findOrCreateMemberAccount(unit, actor.userId, member));
  const settings = maxBudget === undefined ? {} : { max_budget_in_team: maxBudget };
  const membership = await tx.teamMember.create({
    data: { teamId, userId: account.id, role: member.role, settings },
    include: { user: { select: { email: true } } },
  });
  unit.audit({
    action: 'member_added',
    objectKind: 'team',
    objectId: teamId,
    after: { user_id: account.id, role: member.role, ...settings },
  });
  return { account, membership };
}

async function requireMember(tx: ControlUnit['tx'], teamId: string, member: NamedMember): Promise<TeamMemberRow> {
  const account = await findMemberAccount(tx, member);
  const row =
    account === undefined
      ? null
      : await tx.teamMember.findUnique({
          where: { teamId_userId: { teamId, userId: account.id } },
          include: { user: { select: { email: true } } },
        });
  if (row !== null) return row;
  throw new GatewayError('owner/refused', {
    detail: `User=${member.user_id ?? member.user_email ?? ''} not found in team=${teamId}`,
  });
}

async function everybodyElse(
  tx: ControlUnit['tx'],
  { role }: Principal,
  { team }: ReachedTeam,
): Promise<readonly MemberReference[]> {
  if (role !== 'proxy_admin') {
    throw new GatewayError('owner/forbidden', { detail: 'Only proxy admins can add all users to a team' });
  }
  const users = await tx.userAccount.findMany({
    where: { teams: { none: { teamId: team.id } } },
    select: { id: true },
    take: ALL_USERS_MAX + 1,
  });
  if (users.length > ALL_USERS_MAX) {
    throw new GatewayError('owner/refused', { detail: `all_users adds up to ${ALL_USERS_MAX} users` });
  }
  return users.map(({ id }) => ({ user_id: id, role: 'user' }));
}

function presentAccount({ id, email, alias, role }: MemberAccount) {
  return { user_id: id, user_email: email, user_alias: alias, user_role: role };
}

function presentOutcome(outcome: AddOutcome) {
  if ('refusal' in outcome) {
    const { member, refusal } = outcome;
    const { user_id = null, user_email = null } = member;
    return { user_id, user_email, success: false, error: refusal.publicMessage };
  }
  const { account, membership } = outcome.added;
  return {
    user_id: account.id,
    user_email: account.email,
    success: true,
    error: null,
    updated_user: presentAccount(account),
    updated_team_membership: presentTeamMembership(membership),
  };
}
