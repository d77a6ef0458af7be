import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { mergeSettings, writtenField } from '../../../core/definition/given-fields.js';
import { KeyGenerateDefinition } from '../../../core/definition/key-generate.definition.js';
import { USER_SETTINGS, type UserNewDefinition } from '../../../core/definition/user.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { generateKey } from '../../../platform/crypto/generate-key.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { KeyRevisionService } from '../key/key-revision.service.js';
import { auditKey, presentIssuedKey } from '../key/key.presenter.js';
import { withBudgetReset } from '../membership/budget-reset.js';
import { Memberships, type MembershipSets } from '../membership/memberships.service.js';
import { ObjectPermissionWriter } from '../permission/object-permission.writer.js';
import { refusalToCreateUser } from './user-rules.js';
import { presentUser } from './user.presenter.js';
import { refuseBudget, requireFreeEmail, requireFreeSsoId, tellUser, USER_PARTS } from './user.store.js';

/** What a new user's first key takes over from the request. */
const KEY_FIELDS = ['key_alias', 'duration', 'aliases', 'config', 'permissions'] as const;

/** Makes users: account, memberships and first key in one transaction. */
@Injectable()
export class UserCreationService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly memberships: Memberships,
    private readonly permissions: ObjectPermissionWriter,
    private readonly keys: KeyRevisionService,
  ) {}

  async create(actor: Principal, body: UserNewDefinition, raw: unknown): Promise<Record<string, unknown>> {
    refuseBudget(body);
    return this.writer.write(actor, async (unit) => {
      const memberships = await this.memberships.of(actor, unit.tx);
      const refusal = refusalToCreateUser(actor, memberships, body);
      if (refusal !== undefined) throw new GatewayError('owner/forbidden', { detail: refusal });
      const id = await this.#createAccount(unit, actor, body, raw);
      await join(unit, id, body);
      const row = await unit.tx.userAccount.findUniqueOrThrow({ where: { id }, include: USER_PARTS });
      tellUser(unit, 'created', undefined, row);
      const user = presentUser(row);
      if (!(body.auto_create_key ?? actor.role === 'proxy_admin')) return { ...user, key: null, token: null };
      const issued = await this.#createKey(unit, actor, memberships, id, body);
      const { key, token, key_name, key_alias, expires } = issued;
      return { ...user, key, token, token_id: token, key_name, key_alias, expires };
    });
  }

  async #createAccount(unit: ControlUnit, actor: Principal, body: UserNewDefinition, raw: unknown): Promise<string> {
    const { tx } = unit;
    const id = body.user_id ?? randomUUID();
    if ((await tx.userAccount.count({ where: { id } })) > 0) {
      throw new GatewayError('owner/refused', {
        detail: `User with user_id=${id} already exists`,
        data: { param: 'user_id' },
      });
    }
    if (body.user_email !== undefined) await requireFreeEmail(tx, body.user_email, id);
    if (body.sso_user_id !== undefined) await requireFreeSsoId(tx, body.sso_user_id, id);
    const objectPermissionId = await this.permissions.apply(unit, {
      actor,
      currentId: null,
      given: writtenField(raw, 'object_permission'),
      creating: true,
    });
    const fields = body as unknown as Record<string, unknown>;
    await tx.userAccount.create({
      data: {
        id,
        email: body.user_email ?? null,
        alias: body.user_alias ?? null,
        role: body.user_role ?? 'internal_user',
        ssoUserId: body.sso_user_id ?? null,
        models: body.models ?? [],
        metadata: (body.metadata ?? {}) as Prisma.InputJsonObject,
        settings: withBudgetReset(mergeSettings({}, fields, USER_SETTINGS), body) as Prisma.InputJsonObject,
        maxBudget: body.max_budget ?? null,
        spend: body.spend ?? 0,
        objectPermissionId,
        createdBy: actor.userId ?? actor.id,
        updatedBy: actor.userId ?? actor.id,
      },
    });
    return id;
  }

  async #createKey(
    unit: ControlUnit,
    principal: Principal,
    memberships: MembershipSets,
    userId: string,
    body: UserNewDefinition,
  ): Promise<Record<string, unknown>> {
    const written = Object.fromEntries(
      KEY_FIELDS.filter((field) => body[field] !== undefined).map((field) => [field, body[field]]),
    );
    const definition = Object.assign(new KeyGenerateDefinition(), written);
    const plain = generateKey();
    const record = await this.keys.create(
      unit,
      { principal, memberships },
      { definition, written },
      { userId, teamId: null, organizationId: null, plain },
      '/key/generate',
    );
    unit.changed('key', record.id);
    unit.audit({ action: 'created', objectKind: 'key', objectId: record.id, after: auditKey(record) });
    return presentIssuedKey(plain.reveal(), record);
  }
}

async function join(
  { tx, changed, audit }: ControlUnit,
  userId: string,
  { teams = [], organizations = [] }: UserNewDefinition,
): Promise<void> {
  const chosen = new Map(teams.map((team) => [team.team_id, team]));
  for (const { team_id: teamId, user_role: role, max_budget_in_team } of chosen.values()) {
    if ((await tx.team.count({ where: { id: teamId, deletedAt: null } })) === 0) {
      throw new GatewayError('owner/not_found', { detail: `Team not found, passed team id = ${teamId}` });
    }
    const settings = max_budget_in_team === undefined ? {} : { max_budget_in_team };
    await tx.teamMember.create({ data: { teamId, userId, role, settings } });
    changed('team', teamId);
    const after = { user_id: userId, role, ...settings };
    audit({ action: 'member_added', objectKind: 'team', objectId: teamId, after });
  }
  for (const organizationId of new Set(organizations)) {
    if ((await tx.organization.count({ where: { id: organizationId } })) === 0) {
      throw new GatewayError('owner/not_found', { detail: `Organization=${organizationId} not found` });
    }
    await tx.organizationMember.create({ data: { organizationId, userId } });
    changed('organization', organizationId);
    const after = { user_id: userId, role: 'internal_user' };
    audit({ action: 'member_added', objectKind: 'organization', objectId: organizationId, after });
  }
}
