import type { PermissionRow } from '../permission/present-permission.js';

/** A virtual key as it is stored, with what stands around it. */
export interface KeyRecord {
  readonly id: string;
  readonly tokenHash: string;
  readonly keyName: string;
  readonly alias: string | null;
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
  readonly objectPermissionId: string | null;
  readonly objectPermission: PermissionRow | null;
  readonly expiresAt: Date | null;
  readonly blocked: boolean;
  readonly keyType: string;
  readonly allowedRoutes: readonly string[];
  readonly accessGroupIds: readonly string[];
  readonly models: readonly string[];
  readonly metadata: unknown;
  /** Fields without a column of their own, see `SETTING_FIELDS`. */
  readonly settings: unknown;
  readonly maxBudget: number | null;
  readonly spend: number;
  readonly rotationCount: number;
  readonly lastRotatedAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  readonly updatedBy: string | null;
  readonly deletedAt: Date | null;
  readonly deletedBy: string | null;
  readonly team: KeyTeam | null;
  readonly user: KeyUser | null;
}

/** What of a key's team decides who may manage the key. */
export interface KeyTeam {
  readonly organizationId: string | null;
  readonly memberPermissions: readonly string[];
}

export interface KeyUser {
  readonly id: string;
  readonly email: string | null;
  readonly alias: string | null;
  readonly role: string;
}

/** To whom a key belongs. */
export interface KeyOwners {
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
}
