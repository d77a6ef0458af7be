/** A key, as far as the page of its team or user shows it. */
export interface OwnedKeyRow {
  readonly tokenHash: string;
  readonly keyName: string;
  readonly alias: string | null;
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
  readonly models: readonly string[];
  readonly blocked: boolean;
  readonly spend: number;
  readonly maxBudget: number | null;
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
}

/** The columns above, for a select. */
export const OWNED_KEY_COLUMNS = {
  tokenHash: true,
  keyName: true,
  alias: true,
  userId: true,
  teamId: true,
  organizationId: true,
  models: true,
  blocked: true,
  spend: true,
  maxBudget: true,
  expiresAt: true,
  createdAt: true,
} as const satisfies Record<keyof OwnedKeyRow, true>;

/** Keys such a page shows at most, newest first; `/key/list` pages through all. */
export const OWNED_KEYS_MAX = 1_000;

export function presentOwnedKey(row: OwnedKeyRow) {
  return {
    token: row.tokenHash,
    key_name: row.keyName,
    key_alias: row.alias,
    user_id: row.userId,
    team_id: row.teamId,
    organization_id: row.organizationId,
    models: row.models,
    blocked: row.blocked,
    spend: row.spend,
    max_budget: row.maxBudget,
    expires: row.expiresAt,
    created_at: row.createdAt,
  };
}
