import { Injectable } from '@nestjs/common';
import { pageOf } from '../../../core/definition/page-query.definition.js';
import type { SpendLogsQuery } from '../../../core/definition/usage-query.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { Memberships } from '../membership/memberships.service.js';
import { requireRange } from './activity.service.js';
import { KeyNames } from './key-names.store.js';
import { presentSpendLog } from './spend-log.presenter.js';
import { usageScope, type UsageScope } from './usage-scope.js';

const PAGE_SIZE_DEFAULT = 50;
/** Calls are counted up to here; there may be millions. */
const TOTAL_MAX = 10_000;

/** Single calls, newest first. Everybody sees their own and what they administer. */
@Injectable()
export class SpendLogService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly keys: KeyNames,
    private readonly memberships: Memberships,
  ) {}

  async rows(principal: Principal, query: SpendLogsQuery) {
    const where = await this.#where(principal, query);
    const { size, skip } = pageOf(query, PAGE_SIZE_DEFAULT);
    try {
      const rows = await this.prisma.callLedgerEntry.findMany({
        where,
        orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
        skip,
        take: size,
      });
      const names = await this.keys.of(rows.flatMap(({ keyId }) => (keyId === null ? [] : [keyId])));
      return rows.map((row) => presentSpendLog(row, names.get(row.keyId ?? '')?.hash));
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** `total` stops at ten thousand. */
  async page(principal: Principal, query: SpendLogsQuery) {
    const where = await this.#where(principal, query);
    const { page, size } = pageOf(query, PAGE_SIZE_DEFAULT);
    try {
      const total = await this.prisma.callLedgerEntry.count({ where, take: TOTAL_MAX });
      const data = await this.rows(principal, query);
      return { data, total, page, page_size: size, total_pages: Math.ceil(total / size) };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async #where(principal: Principal, query: SpendLogsQuery): Promise<Prisma.CallLedgerEntryWhereInput> {
    const { from, to } = requireRange(query);
    const scope = usageScope(principal, await this.memberships.of(principal));
    const keyId = query.api_key === undefined ? undefined : await this.keys.idOf(query.api_key);
    return {
      AND: [
        { startedAt: { gte: from, lt: to } },
        scopeFilter(scope),
        {
          ...(keyId === undefined ? {} : { keyId }),
          ...(query.request_id === undefined ? {} : { callId: query.request_id }),
          ...(query.user_id === undefined ? {} : { userId: query.user_id }),
          ...(query.team_id === undefined ? {} : { teamId: query.team_id }),
          ...(query.organization_id === undefined ? {} : { organizationId: query.organization_id }),
          ...(query.end_user === undefined ? {} : { endUserId: query.end_user }),
          ...(query.mcp_server === undefined ? {} : { serverName: query.mcp_server }),
          ...(query.status_filter === undefined
            ? {}
            : { outcome: query.status_filter === 'success' ? 'ok' : { not: 'ok' } }),
        },
      ],
    };
  }
}

function scopeFilter(scope: UsageScope): Prisma.CallLedgerEntryWhereInput {
  if (scope === 'everything') return {};
  const { principalId, userId, teamIds, organizationIds } = scope;
  return {
    OR: [
      { principalId },
      { principalId: { startsWith: `${principalId}|end_user:` } },
      ...(userId === undefined ? [] : [{ userId }]),
      ...(teamIds.length === 0 ? [] : [{ teamId: { in: [...teamIds] } }]),
      ...(organizationIds.length === 0 ? [] : [{ organizationId: { in: [...organizationIds] } }]),
    ],
  };
}
