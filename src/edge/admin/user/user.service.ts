import { Injectable } from '@nestjs/common';
import { givenFields, mergeSettings, writtenField, type Given } from '../../../core/definition/given-fields.js';
import {
  USER_SETTINGS,
  UserUpdateDefinition,
  type UserBulkUpdateDefinition,
} from '../../../core/definition/user.definition.js';
import { validateDefinition } from '../../../core/definition/validate-definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { requireField } from '../auth/require-field.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { withBudgetReset } from '../membership/budget-reset.js';
import { deleteOwnedKeys } from '../membership/owned-keys.store.js';
import { ObjectPermissionWriter } from '../permission/object-permission.writer.js';
import { refusalToUpdateUser } from './user-rules.js';
import { presentUser, type UserRow } from './user.presenter.js';
import { refuseBudget, requireFreeEmail, requireFreeSsoId, requireUser, tellUser, USER_PARTS } from './user.store.js';

type PresentedUser = ReturnType<typeof presentUser>;

/** Updates of one bulk request. */
const BULK_MAX = 500;

/** Changes and deletes users; `UserCreationService` makes them. */
@Injectable()
export class UserService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly permissions: ObjectPermissionWriter,
  ) {}

  async update(actor: Principal, body: UserUpdateDefinition, raw: unknown): Promise<PresentedUser> {
    const row = await this.writer.write(actor, (unit) => this.#update(unit, actor, body, raw));
    return presentUser(row);
  }

  /** Each on its own: says of each what became of it. Proxy admins only. */
  async updateMany(actor: Principal, body: UserBulkUpdateDefinition): Promise<object> {
    if (actor.role !== 'proxy_admin') {
      throw new GatewayError('owner/forbidden', {
        detail: `Only proxy admins can update users in bulk. Your role=${actor.role}`,
      });
    }
    const results = await this.writer.write(actor, async (unit) => {
      const updates = body.all_users === true ? await forEverybody(unit, body) : requireField(body.users, 'users');
      if (updates.length > BULK_MAX) {
        throw new GatewayError('owner/refused', { detail: `A bulk update names up to ${BULK_MAX} users` });
      }
      const outcomes: { success: boolean }[] = [];
      for (const raw of updates) outcomes.push(await this.#tryUpdate(unit, actor, raw));
      return outcomes;
    });
    const successes = results.filter(({ success }) => success).length;
    return {
      results,
      total_requested: results.length,
      successful_updates: successes,
      failed_updates: results.length - successes,
    };
  }

  /** All or none. Their keys and memberships go with them. Proxy admins only. */
  async delete(actor: Principal, ids: readonly string[]): Promise<readonly string[]> {
    if (actor.role !== 'proxy_admin') {
      throw new GatewayError('owner/forbidden', {
        detail: `Only proxy admins can delete users. Your role=${actor.role}`,
      });
    }
    const unique = [...new Set(ids)];
    await this.writer.write(actor, async (unit) => {
      for (const id of unique) await deleteUser(unit, actor, await requireUser(unit.tx, { user_id: id }));
    });
    return unique;
  }

  async #tryUpdate(unit: ControlUnit, actor: Principal, raw: Readonly<Record<string, unknown>>) {
    const { user_id = null, user_email = null } = raw;
    try {
      const { value, problems } = validateDefinition(UserUpdateDefinition, raw);
      const errors = problems.filter(({ severity }) => severity === 'error');
      if (errors.length > 0) throw new ValidationFailed(errors);
      const row = await this.#update(unit, actor, value, raw);
      return { user_id: row.id, user_email: row.email, success: true, error: null, updated_user: presentUser(row) };
    } catch (error) {
      // Refusals are found by reading, before anything of this user is written.
      if (error instanceof ValidationFailed) {
        const message = error.problems.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ');
        return { user_id, user_email, success: false, error: message };
      }
      if (!(error instanceof GatewayError) || error.kind.status >= 500) throw error;
      return { user_id, user_email, success: false, error: error.publicMessage };
    }
  }

  async #update(unit: ControlUnit, actor: Principal, body: UserUpdateDefinition, raw: unknown): Promise<UserRow> {
    const { tx } = unit;
    // With an id, an address is a new address.
    requireField(body.user_id ?? body.user_email, 'user_id');
    const given = givenFields(UserUpdateDefinition, body, raw);
    // Before it is looked up: whether it exists is no business of those who may not change it.
    const refusal = refusalToUpdateUser(actor, body.user_id ?? '', given);
    if (refusal !== undefined) throw new GatewayError('owner/forbidden', { detail: refusal });
    const before = await requireUser(tx, body);
    if (typeof given.user_email === 'string') await requireFreeEmail(tx, given.user_email, before.id);
    if (typeof given.sso_user_id === 'string') await requireFreeSsoId(tx, given.sso_user_id, before.id);
    const settings = withBudgetReset(mergeSettings(before.settings, given, USER_SETTINGS), given);
    refuseBudget({
      max_budget: given.max_budget === undefined ? before.maxBudget : given.max_budget,
      soft_budget: settings['soft_budget'],
    });
    const objectPermissionId = await this.permissions.apply(unit, {
      actor,
      currentId: before.objectPermissionId,
      given: writtenField(raw, 'object_permission'),
    });
    const after = await tx.userAccount.update({
      where: { id: before.id },
      data: {
        ...changesOf(given),
        settings: settings as Prisma.InputJsonObject,
        objectPermissionId,
        updatedBy: actor.userId ?? actor.id,
      },
      include: USER_PARTS,
    });
    tellUser(unit, 'updated', before, after);
    return after;
  }
}

async function forEverybody(
  { tx }: ControlUnit,
  { user_updates }: UserBulkUpdateDefinition,
): Promise<readonly Record<string, unknown>[]> {
  const updates = requireField(user_updates, 'user_updates');
  const users = await tx.userAccount.findMany({ select: { id: true }, take: BULK_MAX + 1 });
  return users.map(({ id }) => ({ ...updates, user_id: id }));
}

async function deleteUser(unit: ControlUnit, actor: Principal, user: UserRow): Promise<void> {
  const { tx, changed } = unit;
  const { id } = user;
  await deleteOwnedKeys(unit, actor, { userId: id });
  // Rows kept for the audit must not hold on to the account.
  await tx.virtualKey.updateMany({ where: { userId: id }, data: { userId: null } });
  // What they allowed OAuth clients holds what their provider said of them.
  const grants = await tx.oAuthGrant.findMany({ where: { userId: id }, select: { id: true } });
  await tx.oAuthGrant.deleteMany({ where: { userId: id } });
  for (const grant of grants) changed('oauth_grant', grant.id);
  await tx.userAccount.delete({ where: { id } });
  if (user.objectPermissionId !== null) {
    await tx.objectPermission.delete({ where: { id: user.objectPermissionId } });
  }
  for (const { teamId } of user.teams) changed('team', teamId);
  for (const { organizationId } of user.organizations) changed('organization', organizationId);
  tellUser(unit, 'deleted', user, undefined);
}

function changesOf(given: Given<UserUpdateDefinition>): Prisma.UserAccountUncheckedUpdateInput {
  return {
    ...(given.user_email === undefined ? {} : { email: given.user_email }),
    ...(given.user_alias === undefined ? {} : { alias: given.user_alias }),
    // Nobody is without a role: null leaves it.
    ...(given.user_role === undefined || given.user_role === null ? {} : { role: given.user_role }),
    ...(given.sso_user_id === undefined ? {} : { ssoUserId: given.sso_user_id }),
    ...(given.models === undefined ? {} : { models: given.models ?? [] }),
    ...(given.metadata === undefined ? {} : { metadata: (given.metadata ?? {}) as Prisma.InputJsonObject }),
    ...(given.max_budget === undefined ? {} : { maxBudget: given.max_budget }),
    ...(given.spend === undefined ? {} : { spend: given.spend ?? 0 }),
  };
}
