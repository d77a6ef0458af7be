import type { Era } from './fixture/start-fixture.js';

/** A set of scenarios of the official suite: what a revision requires, or what its latest stable release runs. */
export type SetName = '2025-11-25' | '2026-07-28' | 'latest';

/** An MCP endpoint that the suite is run against: a column of the table for each set. */
export interface Target {
  /** As in the table and in `expected-failures.yaml`. */
  readonly name: string;
  readonly url: string;
  /** Which eras it speaks with clients; this decides which sets are run. */
  readonly era: Era;
  /** Sent with every request, credentials for example; the suite itself cannot. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Targets that come and go together. */
export interface TargetGroup {
  readonly targets: readonly Target[];
  close(): Promise<void>;
}

export function setsOf(target: Target): readonly SetName[] {
  switch (target.era) {
    case 'legacy':
      return ['2025-11-25', 'latest'];
    case 'modern':
      return ['2026-07-28'];
    case 'dual':
      return ['2025-11-25', '2026-07-28', 'latest'];
  }
}
