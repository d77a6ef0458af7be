import { Inject, Injectable } from '@nestjs/common';
import { isRecord } from '../../../core/definition/field-checks.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { effectiveTransport } from '../../../core/definition/server-rules.js';
import { openRecord } from '../../../core/definition/storable.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySettings } from '../../../platform/config/settings.js';
import { REGISTRY_SETTINGS } from '../../../platform/config/tokens.js';
import { ControlWriter } from '../../../platform/database/control-writer.js';
import type { McpServer } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { demandProxyAdmin, demandStorage, readsAll, writerName } from './server-access.js';
import { missingFields } from './missing-fields.js';
import type { ServerRow } from './server-reading.service.js';
import { findRow, ServerWriting } from './server-writing.service.js';

export type ApprovalStatus = 'active' | 'pending_review' | 'rejected';

export interface SubmissionCounts {
  readonly total: number;
  readonly pending_review: number;
  readonly active: number;
  readonly rejected: number;
}

const REVIEW_WORDS = 'Only proxy admins can review submitted mcp servers.';
/** What one team may have waiting for review: a key must not be able to fill the database. */
const OPEN_PER_TEAM_MAX = 100;
/** Submissions shown at once; whoever has more open ones reviews these first. */
const SHOWN_MAX = 1_000;

/** Servers that teams propose and administrators approve (reference §3.3). */
@Injectable()
export class ServerSubmissions {
  constructor(
    private readonly prisma: PrismaService,
    private readonly writer: ControlWriter,
    private readonly writing: ServerWriting,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
  ) {}

  /** Stores a proposal of a team's key; nothing of it is served before somebody approves it. */
  async submit(actor: Principal, body: unknown): Promise<McpServer> {
    if (readsAll(actor)) {
      throw new GatewayError('server/forbidden', { detail: 'Administrators create servers with POST /v1/mcp/server.' });
    }
    demandStorage(this.settings.storageOff);
    const { teamId } = actor;
    if (teamId === undefined) {
      throw new GatewayError('server/refused', { detail: 'Submitting an MCP server needs a key of a team.' });
    }
    const missing = missingFields(body, this.settings.submissionFields);
    if (missing.length > 0) {
      throw new GatewayError('server/refused', { detail: `Missing required fields: ${missing.join(', ')}` });
    }
    if (isRecord(body) && (body['transport'] === 'stdio' || isFilled(body['command']))) {
      throw new GatewayError('server/refused', { detail: 'stdio servers cannot be submitted.' });
    }
    // An id of one's own choice could be one that grants name already.
    const draft = this.writing.draft(isRecord(body) ? { ...body, server_id: undefined, id: undefined } : body);
    if (effectiveTransport(draft.declared.definition) === 'stdio') {
      throw new GatewayError('server/refused', { detail: 'stdio servers cannot be submitted.' });
    }
    await this.#demandRoom(teamId);
    return this.writing.add(actor, draft, {
      approvalStatus: 'pending_review',
      submittedBy: writerName(actor),
      submittedAt: new Date(),
      submittedTeam: teamId,
    });
  }

  async #demandRoom(submittedTeam: string): Promise<void> {
    const where = { submittedTeam, approvalStatus: 'pending_review' };
    const open = await this.prisma.mcpServer.count({ where }).catch((error: unknown) => {
      throw translatePrismaError(error);
    });
    if (open < OPEN_PER_TEAM_MAX) return;
    throw new GatewayError('server/refused', {
      detail: `The team has ${open} submissions waiting for review; more can follow when some of them are decided.`,
    });
  }

  /** All that was ever submitted or taken out of service, open ones first. */
  async list(caller: Principal): Promise<{ readonly counts: SubmissionCounts; readonly rows: readonly ServerRow[] }> {
    if (!readsAll(caller)) throw new GatewayError('server/forbidden', { detail: REVIEW_WORDS });
    demandStorage(this.settings.storageOff);
    try {
      const where = { OR: [{ submittedAt: { not: null } }, { approvalStatus: { not: 'active' } }] };
      const [groups, rows] = await Promise.all([
        this.prisma.mcpServer.groupBy({ by: ['approvalStatus'], where, _count: true }),
        this.prisma.mcpServer.findMany({
          where,
          omit: { secrets: true },
          orderBy: [{ approvalStatus: 'desc' }, { submittedAt: 'desc' }],
          take: SHOWN_MAX,
        }),
      ]);
      const count = (status: ApprovalStatus): number =>
        groups.find(({ approvalStatus }) => approvalStatus === status)?._count ?? 0;
      const open = rows.filter(({ approvalStatus }) => approvalStatus === 'pending_review');
      return {
        counts: {
          total: groups.reduce((sum, { _count }) => sum + _count, 0),
          pending_review: count('pending_review'),
          active: count('active'),
          rejected: count('rejected'),
        },
        rows: [...open, ...rows.filter((row) => !open.includes(row))],
      };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Pending or rejected ones become active and are served at once. */
  approve(actor: Principal, handle: string): Promise<McpServer> {
    return this.#review(actor, handle, 'active', null);
  }

  /** Also takes one that is being served out of service. */
  async reject(actor: Principal, handle: string, body: unknown): Promise<McpServer> {
    const notes = isRecord(body) ? (body['review_notes'] ?? null) : null;
    if (notes !== null && (typeof notes !== 'string' || openRecord({ notes }).length > 0)) {
      throw new ValidationFailed([problemAt(['review_notes'], 'must be a string')]);
    }
    return this.#review(actor, handle, 'rejected', notes);
  }

  async #review(
    actor: Principal,
    handle: string,
    status: Exclude<ApprovalStatus, 'pending_review'>,
    notes: string | null,
  ): Promise<McpServer> {
    demandProxyAdmin(actor, REVIEW_WORDS);
    demandStorage(this.settings.storageOff);
    return this.writer.write(actor, async (unit) => {
      const row = await findRow(unit, handle);
      if (row.approvalStatus === status) {
        throw new GatewayError('server/refused', { detail: `MCP Server with id ${row.id} is already ${status}.` });
      }
      const updated = await unit.tx.mcpServer.update({
        where: { id: row.id },
        data: {
          approvalStatus: status,
          reviewedAt: new Date(),
          reviewedBy: writerName(actor),
          reviewNotes: notes,
          revision: { increment: 1 },
        },
      });
      unit.changed('registry', row.id);
      unit.audit({
        action: status === 'active' ? 'approved' : 'rejected',
        objectKind: 'mcp_server',
        objectId: row.id,
        before: { approval_status: row.approvalStatus },
        after: { approval_status: status, review_notes: notes },
      });
      return updated;
    });
  }
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}
