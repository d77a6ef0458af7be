import { Injectable } from '@nestjs/common';
import type { TimeRange } from '../../../core/definition/time-range.js';
import { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import type { ActivityRow } from './daily-activity.js';
import type { UsageScope } from './usage-scope.js';

/** What activity may be told apart by, as columns of the ledger. */
const COLUMNS = {
  server: 'server_name',
  tool: 'tool',
  team: 'team_id',
  key: 'key_id',
  user: 'user_id',
  organization: 'organization_id',
  end_user: 'end_user_id',
} as const;
export type ActivityDimension = keyof typeof COLUMNS;

/** Which calls are counted; a list that is absent means all. */
export interface ActivityFilter {
  readonly scope: UsageScope;
  readonly keyId?: string | undefined;
  readonly userIds?: readonly string[] | undefined;
  readonly teamIds?: readonly string[] | undefined;
  readonly organizationIds?: readonly string[] | undefined;
  readonly endUserIds?: readonly string[] | undefined;
}

/** Groups of one answer, the busiest ones. */
const GROUPS_MAX = 20_000;

/** Counts calls by day, and by day and each of the dimensions. One pass over the range. */
@Injectable()
export class ActivityStore {
  constructor(private readonly prisma: PrismaService) {}

  /** @throws GatewayError `database/unavailable`. */
  async count(
    range: TimeRange,
    filter: ActivityFilter,
    dimensions: readonly ActivityDimension[],
  ): Promise<readonly ActivityRow[]> {
    const sets = dimensions.map((dimension) => Prisma.sql`(day, ${Prisma.raw(COLUMNS[dimension])})`);
    const labels = dimensions.map((dimension) => {
      const column = Prisma.raw(COLUMNS[dimension]);
      return Prisma.sql`WHEN GROUPING(${column}) = 0 THEN ${dimension}::text`;
    });
    const values = dimensions.map((dimension) => Prisma.raw(COLUMNS[dimension]));
    const label = labels.length === 0 ? Prisma.sql`NULL` : Prisma.sql`CASE ${Prisma.join(labels, ' ')} END`;
    const value = values.length === 0 ? Prisma.sql`NULL` : Prisma.sql`COALESCE(${Prisma.join(values)})`;
    try {
      return await this.prisma.$queryRaw<ActivityRow[]>`
        SELECT to_char(day, 'YYYY-MM-DD') AS day, ${label} AS dimension, ${value} AS value,
          count(*)::int AS requests, (count(*) FILTER (WHERE outcome = 'ok'))::int AS successes,
          sum(duration_ms)::float8 AS "durationMs"
        FROM (
          SELECT date_trunc('day', started_at AT TIME ZONE 'UTC') AS day, outcome, duration_ms, server_name, team_id,
            key_id, user_id, organization_id, end_user_id,
            CASE WHEN method = 'tools/call' AND server_name IS NOT NULL AND target IS NOT NULL
              THEN server_name || '/' || target END AS tool
          FROM call_ledger
          WHERE started_at >= ${range.from} AND started_at < ${range.to} AND ${conditionOf(filter)}
        ) AS call
        GROUP BY GROUPING SETS (${Prisma.join([Prisma.sql`(day)`, ...sets])})
        HAVING ${value} IS NOT NULL OR ${label} IS NULL
        ORDER BY ${label} IS NOT NULL, count(*) DESC
        LIMIT ${GROUPS_MAX}`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

function conditionOf({ scope, keyId, ...lists }: ActivityFilter): Prisma.Sql {
  const { userIds, teamIds, organizationIds, endUserIds } = lists;
  const named: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['user_id', userIds],
    ['team_id', teamIds],
    ['organization_id', organizationIds],
    ['end_user_id', endUserIds],
  ];
  const conditions = [
    scopeCondition(scope),
    ...(keyId === undefined ? [] : [Prisma.sql`key_id = ${keyId}`]),
    ...named.flatMap(([column, ids]) =>
      ids === undefined ? [] : [Prisma.sql`${Prisma.raw(column)} = ANY(${[...ids]}::text[])`],
    ),
  ];
  return Prisma.join(conditions, ' AND ');
}

function scopeCondition(scope: UsageScope): Prisma.Sql {
  if (scope === 'everything') return Prisma.sql`TRUE`;
  return Prisma.sql`(
    split_part(principal_id, '|end_user:', 1) = ${scope.principalId}
    OR user_id = ${scope.userId ?? null}
    OR team_id = ANY(${[...scope.teamIds]}::text[])
    OR organization_id = ANY(${[...scope.organizationIds]}::text[])
  )`;
}
