import { Injectable } from '@nestjs/common';
import { budgetRefusal } from '../../../core/definition/budget-rules.js';
import {
  CUSTOMER_LIST_MAX,
  CUSTOMER_SETTINGS,
  CustomerDefinition,
  type CustomerListQuery,
} from '../../../core/definition/customer.definition.js';
import { givenFields, mergeSettings, writtenField } from '../../../core/definition/given-fields.js';
import { ownerId } from '../../../core/definition/owner-checks.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { auditValue } from '../audit/audit-value.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { withBudgetReset } from '../membership/budget-reset.js';
import { ObjectPermissionWriter } from '../permission/object-permission.writer.js';
import { presentCustomer, type CustomerRow } from './customer.presenter.js';

type PresentedCustomer = ReturnType<typeof presentCustomer>;

const PARTS = { objectPermission: true } as const;
/** Customers one request may block or delete. */
const NAMED_MAX = 1_000;

/** Customers: whom the organisation's application names with each request. The controller lets proxy admins in only. */
@Injectable()
export class CustomerService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly prisma: PrismaService,
    private readonly permissions: ObjectPermissionWriter,
  ) {}

  async create(actor: Principal, id: string, body: CustomerDefinition, raw: unknown): Promise<PresentedCustomer> {
    if (body.budget_id !== undefined && body.max_budget !== undefined) {
      throw new GatewayError('owner/refused', { detail: 'Give either budget_id or max_budget, not both' });
    }
    refuseBudget(body);
    const fields = body as unknown as Record<string, unknown>;
    const row = await this.writer.write(actor, async (unit) => {
      if ((await unit.tx.endUser.count({ where: { id } })) > 0) {
        throw new GatewayError('owner/refused', {
          detail: `Customer already exists, passed user_id=${id}. Please pass a new user_id.`,
          data: { type: 'bad_request', param: 'user_id' },
        });
      }
      const objectPermissionId = await this.permissions.apply(unit, {
        actor,
        currentId: null,
        given: writtenField(raw, 'object_permission'),
        creating: true,
      });
      const created = await unit.tx.endUser.create({
        data: {
          id,
          alias: body.alias ?? null,
          blocked: body.blocked ?? false,
          settings: withBudgetReset(mergeSettings({}, fields, CUSTOMER_SETTINGS), body) as Prisma.InputJsonObject,
          maxBudget: body.max_budget ?? null,
          spend: body.spend ?? 0,
          objectPermissionId,
        },
        include: PARTS,
      });
      return told(unit, 'created', undefined, created);
    });
    return presentCustomer(row);
  }

  async update(actor: Principal, id: string, body: CustomerDefinition, raw: unknown): Promise<PresentedCustomer> {
    const given = givenFields(CustomerDefinition, body, raw);
    const row = await this.writer.write(actor, async (unit) => {
      const before = await find(unit.tx, id);
      const settings = withBudgetReset(mergeSettings(before.settings, given, CUSTOMER_SETTINGS), given);
      const maxBudget = given.max_budget === undefined ? before.maxBudget : given.max_budget;
      refuseBudget({ max_budget: maxBudget, soft_budget: settings['soft_budget'] });
      if (typeof settings['budget_id'] === 'string' && maxBudget !== null) {
        throw new GatewayError('owner/refused', { detail: 'Give either budget_id or max_budget, not both' });
      }
      const objectPermissionId = await this.permissions.apply(unit, {
        actor,
        currentId: before.objectPermissionId,
        given: writtenField(raw, 'object_permission'),
      });
      const after = await unit.tx.endUser.update({
        where: { id },
        data: {
          settings: settings as Prisma.InputJsonObject,
          maxBudget,
          objectPermissionId,
          ...(given.alias === undefined ? {} : { alias: given.alias }),
          ...(given.blocked === undefined ? {} : { blocked: given.blocked ?? false }),
          ...(given.spend === undefined ? {} : { spend: given.spend ?? 0 }),
        },
        include: PARTS,
      });
      return told(unit, 'updated', before, after);
    });
    return presentCustomer(row);
  }

  /** Whom nobody has seen yet can be blocked, so that they never get in; unblocking them is refused. */
  async setBlocked(actor: Principal, ids: readonly string[], blocked: boolean): Promise<readonly PresentedCustomer[]> {
    const unique = checkIds(ids);
    const rows = await this.writer.write(actor, async (unit) => {
      const written: CustomerRow[] = [];
      for (const id of unique) {
        const before = await unit.tx.endUser.findUnique({ where: { id }, include: PARTS });
        if (before === null && !blocked) throw missing(id);
        const after = await unit.tx.endUser.upsert({
          where: { id },
          create: { id, blocked },
          update: { blocked },
          include: PARTS,
        });
        written.push(told(unit, blocked ? 'blocked' : 'unblocked', before ?? undefined, after));
      }
      return written;
    });
    return rows.map(presentCustomer);
  }

  /** All or none. Answers how many. */
  async delete(actor: Principal, ids: readonly string[]): Promise<number> {
    const unique = checkIds(ids);
    return this.writer.write(actor, async ({ tx, changed, audit }) => {
      const rows: CustomerRow[] = [];
      for (const id of unique) rows.push(await find(tx, id));
      await tx.endUser.deleteMany({ where: { id: { in: [...unique] } } });
      const permissions = rows.map(({ objectPermissionId }) => objectPermissionId).filter((id) => id !== null);
      await tx.objectPermission.deleteMany({ where: { id: { in: permissions } } });
      for (const row of rows) {
        changed('end_user', row.id);
        audit({ action: 'deleted', objectKind: 'customer', objectId: row.id, before: audited(row) });
      }
      return rows.length;
    });
  }

  async info(id: string): Promise<PresentedCustomer> {
    try {
      return presentCustomer(await find(this.prisma, id));
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async list(query: CustomerListQuery): Promise<readonly PresentedCustomer[]> {
    const size = query.page_size ?? CUSTOMER_LIST_MAX;
    try {
      const rows = await this.prisma.endUser.findMany({
        include: PARTS,
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        skip: ((query.page ?? 1) - 1) * size,
        take: size,
      });
      return rows.map(presentCustomer);
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

async function find(tx: Pick<ControlUnit['tx'], 'endUser'>, id: string): Promise<CustomerRow> {
  const row = await tx.endUser.findUnique({ where: { id }, include: PARTS });
  if (row === null) throw missing(id);
  return row;
}

function missing(id: string): GatewayError {
  return new GatewayError('owner/not_found', {
    detail: `End User Id=${id} does not exist in db`,
    data: { type: 'not_found', param: 'end_user_id' },
  });
}

function told(
  { changed, audit }: ControlUnit,
  action: string,
  before: CustomerRow | undefined,
  after: CustomerRow,
): CustomerRow {
  changed('end_user', after.id);
  audit({
    action,
    objectKind: 'customer',
    objectId: after.id,
    ...(before === undefined ? {} : { before: audited(before) }),
    after: audited(after),
  });
  return after;
}

function audited(row: CustomerRow): object {
  return auditValue(presentCustomer(row));
}

function refuseBudget(state: { readonly max_budget?: unknown; readonly soft_budget?: unknown }): void {
  const refusal = budgetRefusal(state);
  if (refusal !== undefined) throw new GatewayError('owner/refused', { detail: refusal });
}

function checkIds(ids: readonly string[]): readonly string[] {
  const problems = ids.flatMap((id, index) =>
    ownerId(id).map(({ message }) => problemAt(['user_ids', index], message)),
  );
  if (ids.length > NAMED_MAX) problems.push(problemAt(['user_ids'], `must not hold more than ${NAMED_MAX} ids`));
  if (problems.length > 0) throw new ValidationFailed(problems);
  return [...new Set(ids)];
}
