import { BUDGET_SETTINGS } from '../../../core/definition/budget.definition.js';
import { CUSTOMER_SETTINGS } from '../../../core/definition/customer.definition.js';
import { presentSettings } from '../../../core/definition/given-fields.js';
import { presentPermission, type PermissionRow } from '../permission/present-permission.js';

/** A customer as it is read. */
export interface CustomerRow {
  readonly id: string;
  readonly alias: string | null;
  readonly blocked: boolean;
  readonly settings: unknown;
  readonly maxBudget: number | null;
  readonly spend: number;
  readonly objectPermissionId: string | null;
  readonly objectPermission: PermissionRow | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The wire form of a customer (reference §3.9, §10.6). */
export function presentCustomer(row: CustomerRow) {
  return {
    user_id: row.id,
    alias: row.alias,
    blocked: row.blocked,
    spend: row.spend,
    max_budget: row.maxBudget,
    ...presentSettings(row.settings, CUSTOMER_SETTINGS),
    litellm_budget_table: { max_budget: row.maxBudget, ...presentSettings(row.settings, BUDGET_SETTINGS) },
    object_permission_id: row.objectPermissionId,
    object_permission: presentPermission(row.objectPermission),
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}
