import type { ServerEntry } from '../../core/model/server-entry.js';
import type { CircuitTiming } from './circuit.js';
import { ServerSlot } from './server-slot.js';

/** A server nobody asked for this long, and that has no connection, is forgotten. */
const SLOT_IDLE_MS = 3_600_000;

/** The pool's slots: one per server and definition. */
export class SlotTable {
  readonly #slots = new Map<string, ServerSlot>();
  readonly #slotOf = new WeakMap<ServerEntry, ServerSlot>();

  constructor(private readonly timing: CircuitTiming) {}

  /** The slot of this server, made when there is none. */
  get(entry: ServerEntry): ServerSlot {
    const known = this.#slotOf.get(entry);
    if (known !== undefined && !known.isDropped) return known;
    const key = slotKey(entry);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = new ServerSlot(entry, this.timing);
      this.#slots.set(key, slot);
    }
    slot.entry = entry;
    this.#slotOf.set(entry, slot);
    return slot;
  }

  all(): Iterable<ServerSlot> {
    return this.#slots.values();
  }

  /** Takes the slot of a server that changed or went away out of the table. Undefined: there was none. */
  drop(entry: ServerEntry): ServerSlot | undefined {
    const key = slotKey(entry);
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    slot.isDropped = true;
    this.#slots.delete(key);
    return slot;
  }

  /** Forgets servers that nobody asked for in a long time. */
  forgetQuiet(now: number): void {
    for (const slot of this.#slots.values()) {
      const isQuiet = slot.size === 0 && slot.opening.size === 0 && slot.inFlight === 0;
      if (isQuiet && slot.circuit.isSpotless && now - slot.lastUsedAt > SLOT_IDLE_MS) this.drop(slot.entry);
    }
  }
}

function slotKey(entry: ServerEntry): string {
  return `${entry.id}\n${entry.fingerprint}`;
}
