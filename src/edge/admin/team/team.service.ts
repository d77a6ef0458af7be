import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { budgetRefusal } from '../../../core/definition/budget-rules.js';
import { givenFields, mergeSettings, writtenField, type Given } from '../../../core/definition/given-fields.js';
import {
  TEAM_SETTINGS,
  TeamUpdateDefinition,
  type MemberReference,
  type TeamNewDefinition,
} from '../../../core/definition/team.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { withBudgetReset } from '../membership/budget-reset.js';
import { findOrCreateMemberAccount } from '../membership/member-account.store.js';
import { Memberships } from '../membership/memberships.service.js';
import { ObjectPermissionWriter } from '../permission/object-permission.writer.js';
import { TEAM_PARTS, TeamAccess } from './team-access.service.js';
import { auditedTeam, deleteTeam } from './team-deletion.store.js';
import { fieldsBeyond, mayCreateTeam, mayMoveTeam, type TeamAction } from './team-rules.js';
import { presentTeam, type TeamRow } from './team.presenter.js';

type PresentedTeam = ReturnType<typeof presentTeam>;

/** Writes teams; their members are written by `TeamMembersService`. */
@Injectable()
export class TeamService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly access: TeamAccess,
    private readonly memberships: Memberships,
    private readonly permissions: ObjectPermissionWriter,
  ) {}

  async create(actor: Principal, body: TeamNewDefinition, raw: unknown): Promise<PresentedTeam> {
    const id = body.team_id ?? randomUUID();
    const row = await this.writer.write(actor, async (unit) => {
      const { tx } = unit;
      if (!mayCreateTeam(actor, await this.memberships.of(actor, tx), body.organization_id)) {
        throw new GatewayError('owner/forbidden', {
          detail: `User role=${actor.role} is not allowed to create teams. Only proxy admins and, in their organization, org admins are.`,
        });
      }
      if (actor.role !== 'proxy_admin') {
        const { access_group_ids } = body;
        const beyond = fieldsBeyond('org_admin', access_group_ids === undefined ? {} : { access_group_ids });
        if (beyond.length > 0) throw setFromAbove(beyond);
      }
      if ((await tx.team.count({ where: { id } })) > 0) {
        throw new GatewayError('owner/refused', {
          detail: `Team id = ${id} already exists. Please use a different team id.`,
        });
      }
      await requireOrganization(tx, body.organization_id);
      refuseBudget(body);
      const settings = withBudgetReset(
        mergeSettings({}, body as unknown as Record<string, unknown>, TEAM_SETTINGS),
        body,
      );
      const objectPermissionId = await this.permissions.apply(unit, {
        actor,
        currentId: null,
        given: writtenField(raw, 'object_permission'),
        ceiling: { organizationId: body.organization_id ?? null },
        creating: true,
      });
      await tx.team.create({
        data: {
          id,
          alias: body.team_alias ?? null,
          organizationId: body.organization_id ?? null,
          blocked: body.blocked ?? false,
          models: body.models ?? [],
          memberPermissions: body.team_member_permissions ?? [],
          accessGroupIds: body.access_group_ids ?? [],
          metadata: (body.metadata ?? {}) as Prisma.InputJsonObject,
          settings: settings as Prisma.InputJsonObject,
          maxBudget: body.max_budget ?? null,
          objectPermissionId,
          createdBy: actor.userId ?? actor.id,
          updatedBy: actor.userId ?? actor.id,
        },
      });
      for (const member of firstMembers(actor, body)) {
        const { id: userId } = await findOrCreateMemberAccount(unit, actor.userId, member);
        const data = { teamId: id, userId, role: member.role };
        await tx.teamMember.upsert({ where: { teamId_userId: { teamId: id, userId } }, create: data, update: {} });
      }
      return this.#told(unit, 'created', undefined, await readTeam(tx, id));
    });
    return presentTeam(row);
  }

  async update(actor: Principal, teamId: string, body: TeamUpdateDefinition, raw: unknown): Promise<PresentedTeam> {
    const given = givenFields(TeamUpdateDefinition, body, raw);
    return this.#change(actor, teamId, 'update', 'updated', async (unit, team, reached) => {
      const beyond = fieldsBeyond(reached.standing, given);
      if (beyond.length > 0) throw setFromAbove(beyond);
      const { organization_id: organizationId } = given;
      if (organizationId !== undefined && organizationId !== team.organizationId) {
        if (!mayMoveTeam(reached.standing, reached.memberships, organizationId)) {
          throw new GatewayError('owner/forbidden', { detail: 'You are not an admin of the organization named' });
        }
        await requireOrganization(unit.tx, organizationId);
        // Its keys live under the organization of their team.
        await unit.tx.virtualKey.updateMany({
          where: { teamId, organizationId: team.organizationId, deletedAt: null, NOT: { organizationId: null } },
          data: { organizationId },
        });
      }
      refuseBudget({
        max_budget: given.max_budget === undefined ? team.maxBudget : given.max_budget,
        soft_budget: mergeSettings(team.settings, given, TEAM_SETTINGS)['soft_budget'],
      });
      const objectPermissionId = await this.permissions.apply(unit, {
        actor,
        currentId: team.objectPermissionId,
        given: writtenField(raw, 'object_permission'),
        ceiling: {
          organizationId: organizationId === undefined ? team.organizationId : organizationId,
          // Who governs a team sets what it has; its own admins only narrow it.
          ...(reached.standing === 'team_admin' ? { teamId: team.id } : {}),
        },
      });
      return { ...changesOf(team, given), objectPermissionId };
    });
  }

  /** Blocks or unblocks: a blocked team stops all its keys. */
  async setBlocked(actor: Principal, teamId: string, blocked: boolean): Promise<PresentedTeam> {
    const action = blocked ? 'blocked' : 'unblocked';
    return this.#change(actor, teamId, 'block', action, () => Promise.resolve({ blocked }));
  }

  async addModels(actor: Principal, teamId: string, models: readonly string[]): Promise<PresentedTeam> {
    return this.#change(actor, teamId, 'models', 'updated', (_unit, team) =>
      Promise.resolve({ models: [...new Set([...team.models, ...models])] }),
    );
  }

  async deleteModels(actor: Principal, teamId: string, models: readonly string[]): Promise<PresentedTeam> {
    return this.#change(actor, teamId, 'models', 'updated', (_unit, team) =>
      Promise.resolve({ models: team.models.filter((model) => !models.includes(model)) }),
    );
  }

  async setMemberPermissions(
    actor: Principal,
    teamId: string,
    memberPermissions: readonly string[],
  ): Promise<PresentedTeam> {
    return this.#change(actor, teamId, 'permissions', 'updated', () =>
      Promise.resolve({ memberPermissions: [...new Set(memberPermissions)] }),
    );
  }

  /** All or none. Their keys go with them; rows stay for the audit, memberships do not. Answers the deleted ids. */
  async delete(actor: Principal, teamIds: readonly string[]): Promise<readonly string[]> {
    const unique = [...new Set(teamIds)];
    await this.writer.write(actor, async (unit) => {
      for (const teamId of unique) {
        const { team } = await this.access.reach(actor, teamId, 'delete', unit.tx);
        await deleteTeam(unit, actor, team);
      }
    });
    return unique;
  }

  async #change(
    actor: Principal,
    teamId: string,
    action: TeamAction,
    audited: string,
    work: (
      unit: ControlUnit,
      team: TeamRow,
      reached: Awaited<ReturnType<TeamAccess['reach']>>,
    ) => Promise<Prisma.TeamUncheckedUpdateInput>,
  ): Promise<PresentedTeam> {
    const row = await this.writer.write(actor, async (unit) => {
      const reached = await this.access.reach(actor, teamId, action, unit.tx);
      const data = await work(unit, reached.team, reached);
      await unit.tx.team.update({ where: { id: teamId }, data: { ...data, updatedBy: actor.userId ?? actor.id } });
      return this.#told(unit, audited, reached.team, await readTeam(unit.tx, teamId));
    });
    return presentTeam(row);
  }

  #told({ changed, audit }: ControlUnit, action: string, before: TeamRow | undefined, after: TeamRow): TeamRow {
    changed('team', after.id);
    audit({
      action,
      objectKind: 'team',
      objectId: after.id,
      ...(before === undefined ? {} : { before: auditedTeam(before) }),
      after: auditedTeam(after),
    });
    return after;
  }
}

async function readTeam(tx: Prisma.TransactionClient, id: string): Promise<TeamRow> {
  return tx.team.findUniqueOrThrow({ where: { id }, include: TEAM_PARTS });
}

async function requireOrganization(tx: Prisma.TransactionClient, id: string | null | undefined): Promise<void> {
  if (id === null || id === undefined || (await tx.organization.count({ where: { id } })) > 0) return;
  throw new GatewayError('owner/not_found', { detail: `Organization not found. organization_id=${id}` });
}

function setFromAbove(fields: readonly string[]): GatewayError {
  return new GatewayError('owner/forbidden', {
    detail: `Only those who administer what is above a team may set its ${fields.join(', ')}`,
  });
}

function refuseBudget(state: { readonly max_budget?: unknown; readonly soft_budget?: unknown }): void {
  const refusal = budgetRefusal(state);
  if (refusal !== undefined) throw new GatewayError('owner/refused', { detail: refusal });
}

/** Whoever makes a team administers it, unless they named themselves otherwise. */
function firstMembers({ userId }: Principal, body: TeamNewDefinition): readonly MemberReference[] {
  const named: readonly MemberReference[] = [
    ...(body.members_with_roles ?? []),
    ...(body.admins ?? []).map((id) => ({ user_id: id, role: 'admin' })),
    ...(body.members ?? []).map((id) => ({ user_id: id, role: 'user' })),
  ];
  const creatorIsNamed = userId === undefined || named.some(({ user_id: id }) => id === userId);
  return creatorIsNamed ? named : [...named, { user_id: userId, role: 'admin' }];
}

function changesOf(team: TeamRow, given: Given<TeamUpdateDefinition>): Prisma.TeamUncheckedUpdateInput {
  const settings = withBudgetReset(mergeSettings(team.settings, given, TEAM_SETTINGS), given);
  return {
    settings: settings as Prisma.InputJsonObject,
    ...(given.team_alias === undefined ? {} : { alias: given.team_alias }),
    ...(given.organization_id === undefined ? {} : { organizationId: given.organization_id }),
    ...(given.blocked === undefined ? {} : { blocked: given.blocked ?? false }),
    ...(given.models === undefined ? {} : { models: given.models ?? [] }),
    ...(given.team_member_permissions === undefined ? {} : { memberPermissions: given.team_member_permissions ?? [] }),
    ...(given.access_group_ids === undefined ? {} : { accessGroupIds: given.access_group_ids ?? [] }),
    ...(given.metadata === undefined ? {} : { metadata: (given.metadata ?? {}) as Prisma.InputJsonObject }),
    ...(given.max_budget === undefined ? {} : { maxBudget: given.max_budget }),
  };
}
