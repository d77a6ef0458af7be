import { Injectable } from '@nestjs/common';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';
import type { OwnerRecord, TeamRecord, UserRecord } from './principal.store.js';

interface Row<T> {
  readonly lookup: string;
  readonly record: T;
}

/** Owners of permissions that a token names. One query each, however many are asked for at once. */
@Injectable()
export class OwnerStore {
  readonly #prisma: PrismaService;

  constructor(prisma: PrismaService) {
    this.#prisma = prisma;
  }

  /** Deleted ones too. @throws GatewayError `database/unavailable`. */
  teamsById(ids: readonly string[]): Promise<ReadonlyMap<string, TeamRecord>> {
    return read(
      () => this.#prisma.$queryRaw<Row<TeamRecord>[]>`
        SELECT owner.id AS lookup, jsonb_build_object(
          'id', owner.id, 'blocked', owner.blocked, 'deleted', owner.deleted_at IS NOT NULL,
          'organizationId', owner.organization_id,
          'accessGroupIds', to_jsonb(owner.access_group_ids),
          'accessGroups', (
            SELECT coalesce(jsonb_agg(name ORDER BY name), '[]') FROM access_group WHERE id = ANY(owner.access_group_ids)
          ),
          'permission', CASE WHEN permission.id IS NOT NULL THEN jsonb_build_object(
            'servers', permission.mcp_servers, 'groups', permission.mcp_access_groups,
            'toolsets', permission.mcp_toolsets, 'tools', permission.mcp_tool_permissions) END
        ) AS record
        FROM team AS owner LEFT JOIN object_permission AS permission ON permission.id = owner.object_permission_id
        WHERE owner.id = ANY(${ids})`,
    );
  }

  /** @throws GatewayError `database/unavailable`. */
  organizationsById(ids: readonly string[]): Promise<ReadonlyMap<string, OwnerRecord>> {
    return read(
      () => this.#prisma.$queryRaw<Row<OwnerRecord>[]>`
        SELECT owner.id AS lookup, jsonb_build_object(
          'id', owner.id,
          'permission', CASE WHEN permission.id IS NOT NULL THEN jsonb_build_object(
            'servers', permission.mcp_servers, 'groups', permission.mcp_access_groups,
            'toolsets', permission.mcp_toolsets, 'tools', permission.mcp_tool_permissions) END
        ) AS record
        FROM organization AS owner LEFT JOIN object_permission AS permission ON permission.id = owner.object_permission_id
        WHERE owner.id = ANY(${ids})`,
    );
  }

  /** @throws GatewayError `database/unavailable`. */
  usersById(ids: readonly string[]): Promise<ReadonlyMap<string, UserRecord>> {
    return read(
      () => this.#prisma.$queryRaw<Row<UserRecord>[]>`
        SELECT owner.id AS lookup, jsonb_build_object(
          'id', owner.id, 'role', owner.role, 'email', owner.email,
          'permission', CASE WHEN permission.id IS NOT NULL THEN jsonb_build_object(
            'servers', permission.mcp_servers, 'groups', permission.mcp_access_groups,
            'toolsets', permission.mcp_toolsets, 'tools', permission.mcp_tool_permissions) END
        ) AS record
        FROM user_account AS owner LEFT JOIN object_permission AS permission ON permission.id = owner.object_permission_id
        WHERE owner.id = ANY(${ids})`,
    );
  }
}

async function read<T>(query: () => Promise<Row<T>[]>): Promise<ReadonlyMap<string, T>> {
  try {
    return new Map((await query()).map(({ lookup, record }) => [lookup, record]));
  } catch (error) {
    throw translatePrismaError(error);
  }
}
