/** Injection token of {@link ServingState}. */
export const SERVING_STATE = Symbol('ServingState');

/** The HTTP server as the rooms behind it may see it. */
export interface ServingState {
  /** True from the first moment of a shutdown: no new connections, readiness false; calls on open connections still run. */
  readonly draining: boolean;
  /** Client sockets open now. */
  readonly connections: number;
}
