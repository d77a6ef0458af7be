import { Injectable } from '@nestjs/common';
import { PrismaService } from '../../platform/database/prisma.service.js';

/** An answer serves everybody who asks within this: readiness is public, and the database is not for everybody to query. */
const FRESH_MS = 1_000;
/** A database that takes longer does not count as reachable. */
const PATIENCE_MS = 2_000;

/** Whether the database answers. At most one question at a time, at most one a second. */
@Injectable()
export class DatabasePulse {
  #askedAt = Number.NEGATIVE_INFINITY;
  #answer: Promise<boolean> = Promise.resolve(false);

  constructor(private readonly prisma: PrismaService) {}

  reachable(): Promise<boolean> {
    const now = performance.now();
    if (now - this.#askedAt > FRESH_MS) {
      this.#askedAt = now;
      this.#answer = this.#ask();
    }
    return this.#answer;
  }

  async #ask(): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), PATIENCE_MS);
    const alive = this.prisma.ping().then(
      () => true,
      // Why it is away is logged where queries fail; here it only counts that it is.
      () => false,
    );
    const answer = await Promise.race([alive, late]);
    clearTimeout(timer);
    return answer;
  }
}
