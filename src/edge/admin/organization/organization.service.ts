import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { budgetRefusal } from '../../../core/definition/budget-rules.js';
import { givenFields, mergeSettings, writtenField, type Given } from '../../../core/definition/given-fields.js';
import {
  ORGANIZATION_SETTINGS,
  OrganizationUpdateDefinition,
  type OrganizationNewDefinition,
} from '../../../core/definition/organization.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { auditValue } from '../audit/audit-value.js';
import { requireField } from '../auth/require-field.js';
import { withBudgetReset } from '../membership/budget-reset.js';
import { deleteOwnedKeys } from '../membership/owned-keys.store.js';
import { ObjectPermissionWriter } from '../permission/object-permission.writer.js';
import { TEAM_PARTS } from '../team/team-access.service.js';
import { deleteTeam } from '../team/team-deletion.store.js';
import { presentOrganization, type OrganizationRow } from './organization.presenter.js';

type PresentedOrganization = ReturnType<typeof presentOrganization>;

/** Writes organizations; their members are written by `OrganizationMembersService`. Proxy admins only. */
@Injectable()
export class OrganizationService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly permissions: ObjectPermissionWriter,
  ) {}

  async create(actor: Principal, body: OrganizationNewDefinition, raw: unknown): Promise<PresentedOrganization> {
    refuseOthers(actor, `Only admins can create orgs. Your role is = ${actor.role}`);
    const alias = requireField(body.organization_alias, 'organization_alias');
    const id = body.organization_id ?? randomUUID();
    refuseBudget(body);
    const fields = body as unknown as Record<string, unknown>;
    const row = await this.writer.write(actor, async (unit) => {
      const { tx } = unit;
      if ((await tx.organization.count({ where: { id } })) > 0) {
        throw new GatewayError('owner/refused', {
          detail: `Organization id = ${id} already exists. Please use a different organization id.`,
        });
      }
      const objectPermissionId = await this.permissions.apply(unit, {
        actor,
        currentId: null,
        given: writtenField(raw, 'object_permission'),
        creating: true,
      });
      const created = await tx.organization.create({
        data: {
          id,
          alias,
          models: body.models ?? [],
          metadata: (body.metadata ?? {}) as Prisma.InputJsonObject,
          settings: withBudgetReset(mergeSettings({}, fields, ORGANIZATION_SETTINGS), body) as Prisma.InputJsonObject,
          maxBudget: body.max_budget ?? null,
          objectPermissionId,
          createdBy: actor.userId ?? actor.id,
          updatedBy: actor.userId ?? actor.id,
        },
        include: { objectPermission: true },
      });
      return told(unit, 'created', undefined, created);
    });
    return presentOrganization(row);
  }

  async update(
    actor: Principal,
    id: string,
    body: OrganizationUpdateDefinition,
    raw: unknown,
  ): Promise<PresentedOrganization> {
    refuseOthers(actor, `Only admins can update orgs. Your role is = ${actor.role}`);
    const given = givenFields(OrganizationUpdateDefinition, body, raw);
    const row = await this.writer.write(actor, async (unit) => {
      const before = await find(unit.tx, id);
      const settings = withBudgetReset(mergeSettings(before.settings, given, ORGANIZATION_SETTINGS), given);
      refuseBudget({
        max_budget: given.max_budget === undefined ? before.maxBudget : given.max_budget,
        soft_budget: settings['soft_budget'],
      });
      const objectPermissionId = await this.permissions.apply(unit, {
        actor,
        currentId: before.objectPermissionId,
        given: writtenField(raw, 'object_permission'),
      });
      const after = await unit.tx.organization.update({
        where: { id },
        data: {
          ...changesOf(given),
          settings: settings as Prisma.InputJsonObject,
          objectPermissionId,
          updatedBy: actor.userId ?? actor.id,
        },
        include: { objectPermission: true },
      });
      return told(unit, 'updated', before, after);
    });
    return presentOrganization(row);
  }

  /** All or none. Its teams and keys go with it; memberships too. */
  async delete(actor: Principal, ids: readonly string[]): Promise<readonly PresentedOrganization[]> {
    refuseOthers(actor, 'Only proxy admins can delete organizations');
    const rows = await this.writer.write(actor, async (unit) => {
      const deleted: OrganizationRow[] = [];
      for (const id of new Set(ids)) deleted.push(await deleteOrganization(unit, actor, id));
      return deleted;
    });
    return rows.map(presentOrganization);
  }
}

async function deleteOrganization(unit: ControlUnit, actor: Principal, id: string): Promise<OrganizationRow> {
  const { tx, changed, audit } = unit;
  const before = await find(tx, id);
  const teams = await tx.team.findMany({ where: { organizationId: id, deletedAt: null }, include: TEAM_PARTS });
  for (const team of teams) await deleteTeam(unit, actor, team);
  await deleteOwnedKeys(unit, actor, { organizationId: id });
  // Rows kept for the audit must not hold on to it.
  await tx.team.updateMany({ where: { organizationId: id }, data: { organizationId: null } });
  await tx.virtualKey.updateMany({ where: { organizationId: id }, data: { organizationId: null } });
  await tx.organization.delete({ where: { id } });
  if (before.objectPermissionId !== null) {
    await tx.objectPermission.delete({ where: { id: before.objectPermissionId } });
  }
  changed('organization', id);
  audit({
    action: 'deleted',
    objectKind: 'organization',
    objectId: id,
    before: { ...audited(before), deleted_teams: teams.map((team) => team.id) },
  });
  return before;
}

async function find(tx: ControlUnit['tx'], id: string): Promise<OrganizationRow> {
  const row = await tx.organization.findUnique({ where: { id }, include: { objectPermission: true } });
  if (row === null) throw new GatewayError('owner/not_found', { detail: `Organization=${id} not found` });
  return row;
}

function told(
  { changed, audit }: ControlUnit,
  action: string,
  before: OrganizationRow | undefined,
  after: OrganizationRow,
): OrganizationRow {
  changed('organization', after.id);
  audit({
    action,
    objectKind: 'organization',
    objectId: after.id,
    ...(before === undefined ? {} : { before: audited(before) }),
    after: audited(after),
  });
  return after;
}

function audited(row: OrganizationRow): object {
  return auditValue(presentOrganization(row));
}

/** 401, as the incumbent answers (reference App. E.3). */
function refuseOthers(actor: Principal, detail: string): void {
  if (actor.role !== 'proxy_admin') throw new GatewayError('owner/admins_only', { detail });
}

function refuseBudget(state: { readonly max_budget?: unknown; readonly soft_budget?: unknown }): void {
  const refusal = budgetRefusal(state);
  if (refusal !== undefined) throw new GatewayError('owner/refused', { detail: refusal });
}

function changesOf(given: Given<OrganizationUpdateDefinition>): Prisma.OrganizationUncheckedUpdateInput {
  return {
    // An organization has a name: null leaves it.
    ...(given.organization_alias === undefined || given.organization_alias === null
      ? {}
      : { alias: given.organization_alias }),
    ...(given.models === undefined ? {} : { models: given.models ?? [] }),
    ...(given.metadata === undefined ? {} : { metadata: (given.metadata ?? {}) as Prisma.InputJsonObject }),
    ...(given.max_budget === undefined ? {} : { maxBudget: given.max_budget }),
    ...(given.spend === undefined ? {} : { spend: given.spend ?? 0 }),
  };
}
