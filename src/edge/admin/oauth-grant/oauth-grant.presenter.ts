/** A grant as it is read. */
export interface OAuthGrantRow {
  readonly id: string;
  readonly holder: string;
  readonly principalId: string;
  readonly keyId: string | null;
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
  readonly clientId: string;
  readonly clientName: string;
  readonly redirectHost: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly revokedBy: string | null;
}

export function presentOAuthGrant(row: OAuthGrantRow, now: Date) {
  return {
    id: row.id,
    status: row.revokedAt === null && row.expiresAt > now ? 'active' : 'over',
    signed_in_with: row.holder,
    principal_id: row.principalId,
    key_id: row.keyId,
    user_id: row.userId,
    team_id: row.teamId,
    organization_id: row.organizationId,
    client_id: row.clientId,
    client_name: row.clientName,
    redirect_host: row.redirectHost,
    endpoint: row.audience,
    scopes: row.scopes,
    created_at: row.createdAt,
    last_used_at: row.lastUsedAt,
    expires_at: row.expiresAt,
    revoked_at: row.revokedAt,
    revoked_by: row.revokedBy,
  };
}
