/** Injection token of {@link DrainState}. */
export const DRAIN_STATE = Symbol('DrainState');

/** Whether this process is on its way out. */
export interface DrainState {
  /** True from the first moment of a shutdown: no new connections, readiness false; calls on open connections still run. */
  readonly draining: boolean;
}
