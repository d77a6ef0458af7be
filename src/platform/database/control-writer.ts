import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import type { Principal } from '../../core/model/principal.js';
import { CHANGE_CHANNEL, type ChangeKind } from './control-change.js';
import { ChangeFeed } from './change-feed.js';
import { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';
import { translatePrismaError } from './translate-prisma-error.js';

/** What one write did to one object, for the audit. Values hold no secrets: fingerprints stand in for them. */
export interface AuditDraft {
  /** `created`, `updated`, `deleted`, `blocked`, `unblocked`, `rotated`, … */
  readonly action: string;
  /** `mcp_server`, `toolset`, `access_group`, `key`, `team`, `organization`, `user`, `customer`, `setting`. */
  readonly objectKind: string;
  readonly objectId: string;
  readonly before?: object | undefined;
  readonly after?: object | undefined;
}

/** The inside of a write: the transaction, and what must be told about it. */
export interface ControlUnit {
  readonly tx: Prisma.TransactionClient;
  /** Replicas will hear that this changed. */
  readonly changed: (kind: ChangeKind, subjectId: string) => void;
  readonly audit: (entry: AuditDraft) => void;
}

/** `pg_advisory_xact_lock` key: writes of the control plane happen one after the other. */
const CONTROL_LOCK = 72_707_370;
const WAIT_MS = 10_000;
const DURATION_MAX_MS = 30_000;

/**
 * The only way the control plane writes: rows, changes, audit and notice in one transaction, so that all of it is there or
 * none of it. Writes are serialised over all replicas by one lock: what is checked inside one holds until it commits, and
 * revisions become visible in their order.
 */
@Injectable()
export class ControlWriter {
  readonly #log = new Logger('ControlWriter');
  readonly #replica = randomUUID();

  constructor(
    private readonly prisma: PrismaService,
    private readonly feed: ChangeFeed,
  ) {}

  /**
   * Runs `work` and commits. Resolves when this replica itself has applied the change: whoever wrote reads what they wrote.
   * `work` may run once only; what it throws rolls everything back and is thrown on.
   *
   * @throws GatewayError `database/unavailable`.
   */
  async write<T>(actor: Principal, work: (unit: ControlUnit) => Promise<T>): Promise<T> {
    const changes: { kind: ChangeKind; subjectId: string }[] = [];
    const audits: AuditDraft[] = [];
    let value: T;
    try {
      value = await this.prisma.$transaction(
        async (tx) => {
          await tx.$executeRaw`SELECT pg_advisory_xact_lock(${CONTROL_LOCK}::bigint)`;
          const result = await work({
            tx,
            changed: (kind, subjectId) => changes.push({ kind, subjectId }),
            audit: (entry) => audits.push(entry),
          });
          if (audits.length > 0)
            await tx.auditEntry.createMany({ data: audits.map((entry) => auditRow(actor, entry)) });
          if (changes.length > 0) {
            await tx.controlChange.createMany({
              data: changes.map((change) => ({ ...change, replica: this.#replica })),
            });
            await tx.$executeRaw`SELECT pg_notify(${CHANGE_CHANNEL}, '')`;
          }
          return result;
        },
        { maxWait: WAIT_MS, timeout: DURATION_MAX_MS },
      );
    } catch (error) {
      throw translatePrismaError(error);
    }
    if (changes.length > 0) await this.#applyHere();
    return value;
  }

  /** The write is done; that we could not apply it at once is no failure of it: the feed tries again. */
  async #applyHere(): Promise<void> {
    try {
      await this.feed.catchUp();
    } catch (error) {
      this.#log.warn(
        `A change was written but not applied here yet: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

function auditRow(actor: Principal, entry: AuditDraft): Prisma.AuditEntryCreateManyInput {
  return {
    actorId: actor.id,
    actorUser: actor.userId ?? null,
    actorKey: actor.keyHash ?? null,
    actorRole: actor.role,
    action: entry.action,
    objectKind: entry.objectKind,
    objectId: entry.objectId,
    before: entry.before ?? Prisma.DbNull,
    after: entry.after ?? Prisma.DbNull,
  };
}
