import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Secret } from '../../core/model/secret.js';
import { SEALED_COLUMNS } from '../../platform/crypto/sealed-columns.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';

/**
 * What a handle is for: `authorize` a client's request at the root issuer, `login` a sign-in at the company's provider,
 * `code` an authorization code, `session` a browser that is signed in, `relay` and `relay_code` the same for issuers of
 * single servers, `relay_return` the way back from such a server, `connect` a user who connects a server, `used` a value
 * that may not come again.
 */
export type FlowKind =
  'authorize' | 'login' | 'code' | 'session' | 'relay' | 'relay_return' | 'relay_code' | 'connect' | 'used';

export interface FlowTerms {
  readonly ttlMs: number;
  /** The browser cookie it is bound to; absent: whoever has the handle may use it. */
  readonly browser?: string;
}

export interface TakenFlow<T> {
  /** `used`: it was good and somebody used it before. */
  readonly kind: 'taken' | 'used';
  readonly payload: T;
}

const HANDLE_BYTES = 32;
const HANDLE_SHAPE = /^[A-Za-z0-9_-]{43}$/;
/** How long one can tell that something was used before, after it has expired. */
const KEPT_MS = 3_600_000;

/** Undefined for anything that cannot be a handle. */
function rowId(handle: string): string | undefined {
  return HANDLE_SHAPE.test(handle) ? sha256(handle) : undefined;
}

/** 256 random bits in base64url. */
export function randomHandle(): string {
  return randomBytes(HANDLE_BYTES).toString('base64url');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * What a sign-in is waiting for, kept by random handles that any replica understands. Handles are stored as hashes and
 * payloads sealed, so the table tells nothing to who reads it. All methods reject with `database/unavailable`.
 */
@Injectable()
export class FlowStore {
  readonly #sealer: Sealer;

  constructor(
    private readonly prisma: PrismaService,
    @Inject(SEALING_SECRET) secret: Secret,
  ) {
    this.#sealer = new Sealer(secret, SEALED_COLUMNS.oauthFlow.purpose);
  }

  /** Keeps the payload (plain JSON) and answers its handle. */
  async begin(kind: FlowKind, payload: unknown, { ttlMs, browser }: FlowTerms): Promise<string> {
    const handle = randomHandle();
    const handleHash = sha256(handle);
    await this.#do(() =>
      this.prisma.oAuthFlow.create({
        data: {
          handleHash,
          kind,
          browserHash: browser === undefined ? '' : sha256(browser),
          payload: this.#seal(kind, handleHash, payload),
          expiresAt: new Date(Date.now() + ttlMs),
        },
      }),
    );
    return handle;
  }

  /** The payload, to be used again; undefined when there is none, it is over, or the browser is another one. */
  async look<T>(kind: FlowKind, handle: string, browser?: string): Promise<T | undefined> {
    const handleHash = rowId(handle);
    if (handleHash === undefined) return undefined;
    const row = await this.#do(() =>
      this.prisma.oAuthFlow.findFirst({
        where: { ...where(kind, handleHash, browser), consumedAt: null, expiresAt: { gt: new Date() } },
      }),
    );
    return row === null ? undefined : (this.#open(kind, handleHash, row.payload) as T | undefined);
  }

  /** Whether a handle is, or was, of this kind. */
  async knows(kind: FlowKind, handle: string): Promise<boolean> {
    const handleHash = rowId(handle);
    if (handleHash === undefined) return false;
    return (await this.#do(() => this.prisma.oAuthFlow.count({ where: { handleHash, kind } }))) > 0;
  }

  /** The payload, for the one who asks first. */
  async take<T>(flow: FlowKind, handle: string, browser?: string): Promise<TakenFlow<T> | undefined> {
    const handleHash = rowId(handle);
    if (handleHash === undefined) return undefined;
    const [row] = await this.#do(() =>
      this.prisma.oAuthFlow.updateManyAndReturn({
        where: { ...where(flow, handleHash, browser), consumedAt: null, expiresAt: { gt: new Date() } },
        data: { consumedAt: new Date() },
      }),
    );
    const [kind, found] =
      row === undefined ? (['used', await this.#used(flow, handleHash, browser)] as const) : (['taken', row] as const);
    const payload = found === null ? undefined : (this.#open(flow, handleHash, found.payload) as T | undefined);
    return payload === undefined ? undefined : { kind, payload };
  }

  /** Another payload for a handle that goes on. */
  async change(kind: FlowKind, handle: string, payload: unknown): Promise<void> {
    const handleHash = rowId(handle);
    if (handleHash === undefined) return;
    await this.#do(() =>
      this.prisma.oAuthFlow.updateMany({
        where: { handleHash, kind },
        data: { payload: this.#seal(kind, handleHash, payload) },
      }),
    );
  }

  /** The handle is good for nothing from now on. */
  async end(kind: FlowKind, handle: string): Promise<void> {
    const handleHash = rowId(handle);
    if (handleHash !== undefined)
      await this.#do(() => this.prisma.oAuthFlow.deleteMany({ where: { handleHash, kind } }));
  }

  /** Whether this value comes for the first time; from then on it does not. `text` should name its issuer too. */
  async spend(text: string, ttlMs: number): Promise<boolean> {
    const handleHash = sha256(`used ${text}`);
    const { count } = await this.#do(() =>
      this.prisma.oAuthFlow.createMany({
        data: [
          {
            handleHash,
            kind: 'used',
            payload: this.#seal('used', handleHash, null),
            expiresAt: new Date(Date.now() + ttlMs),
          },
        ],
        skipDuplicates: true,
      }),
    );
    return count === 1;
  }

  /** Deletes rows that are over (those that were used, a while after that), at most so many, and answers how many. */
  async deleteExpired(rowsMax: number): Promise<number> {
    const now = new Date();
    const before = new Date(now.getTime() - KEPT_MS);
    return this.#do(
      () => this.prisma.$executeRaw`
        DELETE FROM oauth_flow WHERE handle_hash IN (
          SELECT handle_hash FROM oauth_flow
          WHERE expires_at < ${now} AND (consumed_at IS NULL OR expires_at < ${before})
          ORDER BY expires_at LIMIT ${rowsMax}
        )`,
    );
  }

  #seal(kind: FlowKind, handleHash: string, payload: unknown): string {
    return this.#sealer.seal(
      JSON.stringify([kind, payload]),
      SEALED_COLUMNS.oauthFlow.owner({ handle_hash: handleHash }),
    );
  }

  #open(kind: FlowKind, handleHash: string, sealed: string): unknown {
    const text = this.#sealer.open(sealed, SEALED_COLUMNS.oauthFlow.owner({ handle_hash: handleHash }));
    const [sealedKind, payload] = text === undefined ? [] : (JSON.parse(text) as [string, unknown]);
    return sealedKind === kind ? payload : undefined;
  }

  #used(kind: FlowKind, handleHash: string, browser: string | undefined) {
    return this.#do(() =>
      this.prisma.oAuthFlow.findFirst({ where: { ...where(kind, handleHash, browser), consumedAt: { not: null } } }),
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

function where(kind: FlowKind, handleHash: string, browser: string | undefined) {
  return { handleHash, kind, browserHash: browser === undefined ? '' : sha256(browser) };
}
