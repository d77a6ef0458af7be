import type { Limits } from '../../core/model/limits.js';
import type { StdioSettings } from '../../platform/config/settings.js';
import type { ConnectionRoster } from './connection-roster.js';
import type { PooledConnection } from './pooled-connection.js';
import type { SlotTable } from './slot-table.js';

const SWEEP_MS_MIN = 100;
const SWEEP_MS_MAX = 10_000;

/** Ends connections that nobody uses any more, now and then, until it is stopped. */
export class IdleSweep {
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly slots: SlotTable,
    private readonly roster: ConnectionRoster,
    private readonly limits: Limits,
    private readonly stdio: StdioSettings,
    private readonly now: () => number,
  ) {
    const sweepMs = Math.min(limits.sessionIdleTimeoutMs, stdio.idleMs) / 4;
    this.#timer = setInterval(() => this.#sweep(), Math.min(Math.max(sweepMs, SWEEP_MS_MIN), SWEEP_MS_MAX)).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    const now = this.now();
    for (const slot of this.slots.all()) {
      for (const pooled of [...slot.connections()]) {
        if (!pooled.isUsable(now) || this.#isIdle(pooled, now)) this.roster.retire(pooled, 'when idle');
      }
    }
    this.slots.forgetQuiet(now);
  }

  /** A child ends when nobody calls it; a session that somebody listens to is in use. */
  #isIdle(pooled: PooledConnection, now: number): boolean {
    if (pooled.inFlight > 0) return false;
    const idleMs = now - pooled.lastUsedAt;
    if (pooled.kind === 'stdio') return idleMs > this.stdio.idleMs;
    return idleMs > this.limits.sessionIdleTimeoutMs && !this.roster.isListenedTo(pooled);
  }
}
