import type { DeclaredRegistry } from '../../core/definition/declared-server.js';
import type { Problem } from './problem.js';

export type DeclaredOutcome =
  | { readonly ok: true; readonly declared: DeclaredRegistry; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Where the declared servers come from: a file that can be read again. Injected as `DECLARED_SOURCE`. */
export interface DeclaredSource {
  /** Absolute path of the file to watch. */
  readonly path: string;
  /** What was valid at boot, with its warnings. */
  readonly initial: DeclaredOutcome & { readonly ok: true };
  /** Reads and validates the file as it is now. Never throws. */
  read(): DeclaredOutcome;
}
