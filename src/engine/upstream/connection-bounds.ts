import type { StdioSettings } from '../../platform/config/settings.js';
import type { ConnectionRoster } from './connection-roster.js';
import type { PooledConnection } from './pooled-connection.js';
import type { ServerSlot } from './server-slot.js';
import type { SlotTable } from './slot-table.js';
import { upstreamError } from './upstream-error.js';

const CONNECTIONS_MAX = 10_000;
const CONNECTIONS_PER_SERVER_MAX = 2_000;

/** How many connections there may be: of children, with one server, in all. */
export class ConnectionBounds {
  constructor(
    private readonly slots: SlotTable,
    private readonly roster: ConnectionRoster,
    private readonly stdio: StdioSettings,
  ) {}

  /** Ends the connection used longest ago where a bound is reached. Throws `upstream/busy` if all of them are in use. */
  makeRoom(slot: ServerSlot, isChild: boolean): void {
    if (isChild && this.roster.children >= this.stdio.maxChildren) {
      this.#endOldest(
        (pooled) => pooled.kind === 'stdio',
        slot,
        `all ${this.stdio.maxChildren} child processes are in use`,
      );
    }
    if (slot.size + slot.opening.size >= CONNECTIONS_PER_SERVER_MAX) {
      this.#endOldest((pooled) => pooled.slot === slot, slot, 'too many sessions with it');
    }
    if (this.roster.connections >= CONNECTIONS_MAX) {
      this.#endOldest(() => true, slot, 'too many sessions with servers');
    }
  }

  #endOldest(isMeant: (pooled: PooledConnection) => boolean, slot: ServerSlot, reason: string): void {
    let oldest: PooledConnection | undefined;
    for (const each of this.slots.all()) {
      for (const pooled of each.connections()) {
        if (pooled.inFlight > 0 || !isMeant(pooled)) continue;
        if (oldest === undefined || pooled.lastUsedAt < oldest.lastUsedAt) oldest = pooled;
      }
    }
    if (oldest === undefined) throw upstreamError('upstream/busy', slot.entry, reason, undefined, 1);
    this.roster.retire(oldest, 'now');
  }
}
