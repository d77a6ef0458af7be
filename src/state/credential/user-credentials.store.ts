import { Injectable } from '@nestjs/common';
import { Secret } from '../../core/model/secret.js';
import type { ControlUnit } from '../../platform/database/control-writer.js';
import type { UserCredential as Row } from '../../platform/database/generated/client.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';
import { UserCredentialSealer } from './user-credential-sealer.js';
import type { CredentialRef, UserCredential, UserCredentialKind } from './user-credential.js';

/** What is written; the rest follows from it. */
export interface CredentialDraft {
  readonly secret: Secret;
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
  /** Milliseconds since the epoch; absent: kept until it is dropped. */
  readonly keptUntil?: number | undefined;
}

const NOTHING = new Secret('');
const UNREADABLE = 'What is stored cannot be opened any more: the sealing key of the gateway was changed';

/** The rows of `user_credential`. Reads answer opened rows; writes take part in a write of the control plane. */
@Injectable()
export class UserCredentialsStore {
  readonly #prisma: PrismaService;
  readonly #sealer: UserCredentialSealer;

  constructor(prisma: PrismaService, sealer: UserCredentialSealer) {
    this.#prisma = prisma;
    this.#sealer = sealer;
  }

  /** Everything one user keeps. @throws GatewayError `database/unavailable`. */
  async ofUser(userId: string): Promise<readonly UserCredential[]> {
    try {
      const rows = await this.#prisma.userCredential.findMany({
        where: { userId, OR: [{ keptUntil: null }, { keptUntil: { gt: new Date() } }] },
        orderBy: [{ serverId: 'asc' }, { kind: 'asc' }],
      });
      return rows.map((row) => this.#opened(row));
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** The row as it is now. @throws GatewayError `database/unavailable`. */
  async find(ref: CredentialRef): Promise<UserCredential | undefined> {
    try {
      const row = await this.#prisma.userCredential.findUnique({ where: { userId_serverId_kind: whole(ref) } });
      return row === null || (row.keptUntil !== null && row.keptUntil <= new Date()) ? undefined : this.#opened(row);
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** The row as it is within a write. */
  async findWithin({ tx }: ControlUnit, ref: CredentialRef): Promise<UserCredential | undefined> {
    const row = await tx.userCredential.findUnique({ where: { userId_serverId_kind: whole(ref) } });
    return row === null ? undefined : this.#opened(row);
  }

  /**
   * Takes the lease of a row that is still at this revision, by the clock of the database; false: somebody else has it, or
   * the row changed. The lease ends by itself: a replica that dies holds nobody up for longer.
   */
  async claim(
    { userId, serverId, kind }: CredentialRef,
    revision: number,
    owner: string,
    ms: number,
  ): Promise<boolean> {
    try {
      const count = await this.#prisma.$executeRaw`
        UPDATE user_credential
        SET lease_owner = ${owner}, lease_until = now() + make_interval(secs => ${ms / 1_000}::double precision)
        WHERE user_id = ${userId} AND server_id = ${serverId} AND kind = ${kind} AND revision = ${revision}
          AND status = 'active' AND (lease_until IS NULL OR lease_until < now())`;
      return count === 1;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async release({ userId, serverId, kind }: CredentialRef, owner: string): Promise<void> {
    try {
      await this.#prisma.$executeRaw`
        UPDATE user_credential SET lease_owner = NULL, lease_until = NULL
        WHERE user_id = ${userId} AND server_id = ${serverId} AND kind = ${kind} AND lease_owner = ${owner}`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Puts it in the place of whatever there was. Answers whether there was something. */
  async put({ tx }: ControlUnit, ref: CredentialRef, draft: CredentialDraft): Promise<boolean> {
    const before = await tx.userCredential.findUnique({ where: { userId_serverId_kind: whole(ref) } });
    const data = {
      sealed: this.#sealer.seal(ref, draft),
      expiresAt: draft.expiresAt === undefined ? null : new Date(draft.expiresAt),
      keptUntil: draft.keptUntil === undefined ? null : new Date(draft.keptUntil),
      status: 'active',
      reason: null,
      leaseOwner: null,
      leaseUntil: null,
      createdAt: new Date(),
    };
    await tx.userCredential.upsert({
      where: { userId_serverId_kind: whole(ref) },
      create: { ...whole(ref), ...data },
      update: { ...data, revision: { increment: 1 } },
    });
    return before !== null;
  }

  /** What the holder of the lease got for it. False when the row was changed or dropped since: that stands. */
  async renew(
    { tx }: ControlUnit,
    ref: CredentialRef,
    held: { readonly revision: number; readonly owner: string },
    draft: Omit<CredentialDraft, 'keptUntil'>,
  ): Promise<boolean> {
    const { count } = await tx.userCredential.updateMany({
      where: { ...whole(ref), revision: held.revision, leaseOwner: held.owner },
      data: {
        sealed: this.#sealer.seal(ref, draft),
        expiresAt: draft.expiresAt === undefined ? null : new Date(draft.expiresAt),
        leaseOwner: null,
        leaseUntil: null,
        revision: { increment: 1 },
      },
    });
    return count === 1;
  }

  /** The row stays, so that its user sees what became of it; what was in it goes. False when it changed since `revision`. */
  async expire({ tx }: ControlUnit, ref: CredentialRef, revision: number, reason: string): Promise<boolean> {
    const { count } = await tx.userCredential.updateMany({
      where: { ...whole(ref), revision, status: 'active' },
      data: {
        sealed: this.#sealer.seal(ref, { secret: NOTHING, address: '' }),
        status: 'needs_reauth',
        reason,
        leaseOwner: null,
        leaseUntil: null,
        revision: { increment: 1 },
      },
    });
    return count === 1;
  }

  /** False when there was none. */
  async remove({ tx }: ControlUnit, ref: CredentialRef): Promise<boolean> {
    const { count } = await tx.userCredential.deleteMany({ where: whole(ref) });
    return count === 1;
  }

  /** Deletes rows whose time is over, at most so many, and answers how many. */
  async deleteExpired(rowsMax: number): Promise<number> {
    try {
      return await this.#prisma.$executeRaw`
        DELETE FROM user_credential WHERE (user_id, server_id, kind) IN (
          SELECT user_id, server_id, kind FROM user_credential WHERE kept_until < now() LIMIT ${rowsMax}
        )`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  #opened(row: Row): UserCredential {
    const ref: CredentialRef = { userId: row.userId, serverId: row.serverId, kind: row.kind as UserCredentialKind };
    const content = this.#sealer.open(ref, row.sealed);
    const isUsable = content !== undefined && row.status === 'active';
    return Object.freeze({
      ...ref,
      secret: isUsable ? content.secret : NOTHING,
      address: content?.address ?? '',
      expiresAt: row.expiresAt?.getTime(),
      keptUntil: row.keptUntil?.getTime(),
      renewedAt: row.updatedAt.getTime(),
      status: isUsable ? 'active' : 'needs_reauth',
      reason: row.reason ?? (content === undefined ? UNREADABLE : undefined),
      revision: row.revision,
      connectedAt: row.createdAt.getTime(),
    });
  }
}

function whole({ userId, serverId, kind }: CredentialRef): { userId: string; serverId: string; kind: string } {
  return { userId, serverId, kind };
}
