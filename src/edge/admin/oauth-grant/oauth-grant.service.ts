import { Injectable } from '@nestjs/common';
import type { OAuthGrantQuery } from '../../../core/definition/oauth-grant-query.definition.js';
import { pageOf } from '../../../core/definition/page-query.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { OAuthGrantStore } from '../../../state/identity/oauth-grant.store.js';
import { presentOAuthGrant } from './oauth-grant.presenter.js';

const PAGE_SIZE_DEFAULT = 25;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** What people allowed OAuth clients: administrators see all of it, others their own. */
@Injectable()
export class OAuthGrantService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly grants: OAuthGrantStore,
  ) {}

  async page(caller: Principal, query: OAuthGrantQuery) {
    const { page, size, skip } = pageOf(query, PAGE_SIZE_DEFAULT);
    const now = new Date();
    const where = { AND: [visibleTo(caller), asked(query, now)] };
    try {
      const [total, rows] = await this.prisma.$transaction([
        this.prisma.oAuthGrant.count({ where }),
        this.prisma.oAuthGrant.findMany({
          where,
          orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
          skip,
          take: size,
        }),
      ]);
      return {
        grants: rows.map((row) => presentOAuthGrant(row, now)),
        total,
        page,
        page_size: size,
        total_pages: Math.ceil(total / size),
      };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Its tokens are good for nothing from now on, everywhere. One that was over already stays so. */
  async revoke(caller: Principal, id: string) {
    if ((await this.#find(caller, id)) !== undefined) {
      await this.grants.revoke(caller, id, caller.userId ?? caller.id);
      const revoked = await this.#find(caller, id);
      if (revoked !== undefined) return presentOAuthGrant(revoked, new Date());
    }
    throw new GatewayError('owner/not_found', { detail: 'OAuth grant not found' });
  }

  /** Somebody else's is like one that does not exist. */
  async #find(caller: Principal, id: string) {
    if (!UUID.test(id)) return undefined;
    try {
      const own = caller.role === 'proxy_admin' ? {} : ownedBy(caller);
      return (await this.prisma.oAuthGrant.findFirst({ where: { AND: [{ id }, own] } })) ?? undefined;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

function visibleTo(caller: Principal): Prisma.OAuthGrantWhereInput {
  return caller.role === 'proxy_admin' || caller.role === 'proxy_admin_viewer' ? {} : ownedBy(caller);
}

/** Those of the same principal, of the same key, and of the user it belongs to. */
function ownedBy({ id, keyId, userId }: Principal): Prisma.OAuthGrantWhereInput {
  return {
    OR: [
      { principalId: id },
      ...(keyId === undefined ? [] : [{ keyId }]),
      ...(userId === undefined ? [] : [{ userId }]),
    ],
  };
}

function asked({ user_id: userId, key_id: keyId, status }: OAuthGrantQuery, now: Date): Prisma.OAuthGrantWhereInput {
  return {
    ...(userId === undefined ? {} : { userId }),
    // A text that is no id of a row is nobody's; the database would refuse to compare it.
    ...(keyId === undefined ? {} : UUID.test(keyId) ? { keyId } : { id: { in: [] } }),
    ...(status === 'active' ? { revokedAt: null, expiresAt: { gt: now } } : {}),
    ...(status === 'over' ? { OR: [{ revokedAt: { not: null } }, { expiresAt: { lte: now } }] } : {}),
  };
}
