/** Injection token of {@link Worker}. */
export const WORKER = Symbol('Worker');

/**
 * Which process of the gateway this is. Without `--workers` there is one: index 0, count 1. Client sessions and live
 * streams belong to the process that opened them; siblings reach it through its unix socket.
 */
export interface Worker {
  /** 0 … count − 1; a restarted worker keeps its index. */
  readonly index: number;
  readonly count: number;
  /** Where that worker serves the same HTTP handler for its siblings only. Undefined paths do not occur: throws on a foreign index. */
  siblingSocketPath(index: number): string;
}

/** The one process there is. */
export const SINGLE_WORKER: Worker = Object.freeze({
  index: 0,
  count: 1,
  siblingSocketPath(index: number): string {
    throw new RangeError(`there is no sibling ${index}: the gateway runs in one process`);
  },
});
