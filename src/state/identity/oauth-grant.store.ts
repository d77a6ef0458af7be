import { Injectable } from '@nestjs/common';
import type { Principal } from '../../core/model/principal.js';
import { ControlWriter } from '../../platform/database/control-writer.js';
import type { OAuthGrant } from '../../platform/database/generated/client.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';
import type { TokenClaims } from './token-claims.js';

/** Who signed in. What they may do is read anew from what stands behind it, not kept. */
export type GrantHolder =
  | { readonly kind: 'master' | 'key'; readonly keyHash: string }
  | {
      readonly kind: 'oidc';
      readonly claims: TokenClaims;
      /** There was a row of this user: when it is gone, so is the grant. */
      readonly userKnown: boolean;
    };

/** A grant, as far as tokens rest on it. */
export interface GrantRecord {
  readonly id: string;
  readonly holder: GrantHolder;
  readonly clientId: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly refreshGeneration: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly revoked: boolean;
}

export interface NewGrant {
  readonly id: string;
  readonly holder: GrantHolder;
  readonly clientId: string;
  readonly clientName: string;
  readonly redirectHost: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Of one principal; over it the oldest goes, so that clients that begin anew each time fill no table. */
const GRANTS_MAX = 200;

/** What people allowed OAuth clients. All methods reject with `database/unavailable`. */
@Injectable()
export class OAuthGrantStore {
  readonly #prisma: PrismaService;
  readonly #writer: ControlWriter;

  constructor(prisma: PrismaService, writer: ControlWriter) {
    this.#prisma = prisma;
    this.#writer = writer;
  }

  async grantsById(ids: readonly string[]): Promise<ReadonlyMap<string, GrantRecord>> {
    const rows = await this.#do(() => this.#prisma.oAuthGrant.findMany({ where: { id: { in: [...ids] } } }));
    return new Map(rows.map((row) => [row.id, toRecord(row)]));
  }

  /** `actor` allowed it. */
  async create(actor: Principal, grant: NewGrant): Promise<void> {
    const { id, holder, clientId, clientName, redirectHost, audience, scopes } = grant;
    await this.#writer.write(actor, async ({ tx, changed, audit }) => {
      const old = await tx.oAuthGrant.findMany({
        where: { principalId: actor.id },
        orderBy: { createdAt: 'desc' },
        skip: GRANTS_MAX - 1,
        select: { id: true },
      });
      if (old.length > 0) {
        await tx.oAuthGrant.deleteMany({ where: { id: { in: old.map((row) => row.id) } } });
        for (const row of old) changed('oauth_grant', row.id);
      }
      await tx.oAuthGrant.create({
        data: {
          id,
          holder: holder.kind,
          principalId: actor.id,
          keyHash: holder.kind === 'oidc' ? null : holder.keyHash,
          keyId: actor.keyId ?? null,
          userId: actor.userId ?? null,
          teamId: actor.teamId ?? null,
          organizationId: actor.organizationId ?? null,
          ...(holder.kind === 'oidc' ? { claims: { ...holder.claims, userKnown: holder.userKnown } } : {}),
          clientId,
          clientName,
          redirectHost,
          audience,
          scopes: [...scopes],
          expiresAt: new Date(grant.expiresAt),
        },
      });
      audit({ action: 'created', objectKind: 'oauth_grant', objectId: id, after: { ...shown(grant) } });
    });
  }

  /** A refresh token of this generation was used: from now on the next one is good. False: it was not good. */
  async advance(id: string, generation: number): Promise<boolean> {
    const { count } = await this.#do(() =>
      this.#prisma.oAuthGrant.updateMany({
        where: { id, refreshGeneration: generation, revokedAt: null, expiresAt: { gt: new Date() } },
        data: { refreshGeneration: generation + 1, lastUsedAt: new Date() },
      }),
    );
    return count === 1;
  }

  /** Its tokens are good for nothing any more, everywhere, within a second. False: there is none, or it was over. */
  async revoke(actor: Principal, id: string, by: string): Promise<boolean> {
    return this.#writer.write(actor, async ({ tx, changed, audit }) => {
      const [row] = await tx.oAuthGrant.updateManyAndReturn({
        where: { id, revokedAt: null },
        data: { revokedAt: new Date(), revokedBy: by },
      });
      if (row === undefined) return false;
      changed('oauth_grant', id);
      audit({ action: 'revoked', objectKind: 'oauth_grant', objectId: id, before: shown(row), after: { by } });
      return true;
    });
  }

  /** Deletes grants that are over, at most so many, and answers how many. */
  async deleteExpired(rowsMax: number): Promise<number> {
    const before = new Date();
    return this.#do(
      () => this.#prisma.$executeRaw`
        DELETE FROM oauth_grant WHERE id IN (
          SELECT id FROM oauth_grant WHERE expires_at < ${before} ORDER BY expires_at LIMIT ${rowsMax}
        )`,
    );
  }

  async #do<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

function shown({ clientId, clientName, redirectHost, audience, scopes }: NewGrant | OAuthGrant): object {
  return {
    client_id: clientId.slice(0, 200),
    client_name: clientName,
    redirect_host: redirectHost,
    endpoint: audience,
    scopes,
  };
}

function toRecord(row: OAuthGrant): GrantRecord {
  return {
    id: row.id,
    holder: toHolder(row),
    clientId: row.clientId,
    audience: row.audience,
    scopes: row.scopes,
    refreshGeneration: row.refreshGeneration,
    lastUsedAt: row.lastUsedAt.getTime(),
    expiresAt: row.expiresAt.getTime(),
    revoked: row.revokedAt !== null,
  };
}

function toHolder({ holder, keyHash, claims }: OAuthGrant): GrantHolder {
  if (holder !== 'oidc') return { kind: holder === 'master' ? 'master' : 'key', keyHash: keyHash ?? '' };
  const { userKnown, ...rest } = claims as unknown as TokenClaims & { readonly userKnown: boolean };
  return { kind: 'oidc', claims: rest, userKnown };
}
