import { Injectable } from '@nestjs/common';
import { type AuditQuery, KIND_OF_TABLE } from '../../../core/definition/audit-query.definition.js';
import { pageOf } from '../../../core/definition/page-query.definition.js';
import { endOf, parseMoment } from '../../../core/definition/time-range.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { presentAuditEntry } from './audit.presenter.js';

const PAGE_SIZE_DEFAULT = 10;
/** Of a Postgres bigint. */
const ID = /^\d{1,18}$/;

/** Reads who changed what. What is read was written in the transaction of the change itself (`ControlWriter`). */
@Injectable()
export class AuditService {
  constructor(private readonly prisma: PrismaService) {}

  async page(query: AuditQuery) {
    const { page, size, skip } = pageOf(query, PAGE_SIZE_DEFAULT);
    const where = whereOf(query);
    try {
      const [total, rows] = await this.prisma.$transaction([
        this.prisma.auditEntry.count({ where }),
        this.prisma.auditEntry.findMany({ where, orderBy: { id: query.sort_order ?? 'desc' }, skip, take: size }),
      ]);
      return {
        audit_logs: rows.map(presentAuditEntry),
        total,
        page,
        page_size: size,
        total_pages: Math.ceil(total / size),
      };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async entry(id: string) {
    try {
      const row = ID.test(id) ? await this.prisma.auditEntry.findUnique({ where: { id: BigInt(id) } }) : null;
      if (row !== null) return presentAuditEntry(row);
    } catch (error) {
      throw translatePrismaError(error);
    }
    throw new GatewayError('owner/not_found', { detail: 'Audit log not found' });
  }
}

function whereOf(query: AuditQuery): Prisma.AuditEntryWhereInput {
  const named = query.object_kind ?? query.table_name;
  const kind = named === undefined ? undefined : (KIND_OF_TABLE[named] ?? named);
  const from = parseMoment(query.start_date);
  const to = endOf(query.end_date);
  return {
    ...(query.changed_by === undefined ? {} : { OR: [{ actorId: query.changed_by }, { actorUser: query.changed_by }] }),
    ...(query.changed_by_api_key === undefined ? {} : { actorKey: query.changed_by_api_key }),
    ...(query.action === undefined ? {} : { action: query.action }),
    ...(kind === undefined ? {} : { objectKind: kind }),
    ...(query.object_id === undefined ? {} : { objectId: query.object_id }),
    ...(from === undefined && to === undefined
      ? {}
      : { at: { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) } }),
  };
}
