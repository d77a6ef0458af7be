import type { Era } from './fixture/start-fixture.js';

/** A set of scenarios of the official suite: what a revision requires, or what its latest stable release runs. */
export const SETS = ['2025-11-25', '2026-07-28', 'latest'] as const;

export type SetName = (typeof SETS)[number];

interface TargetFacts {
  /** As in the table and in `expected-failures.yaml`. */
  readonly name: string;
  /** Which eras it speaks with the suite; this decides which sets are run. */
  readonly era: Era;
}

/** An MCP endpoint that the suite is run against as a client. */
export interface ServerTarget extends TargetFacts {
  readonly leg: 'server';
  readonly url: string;
  /** Sent with every request, credentials for example; the suite itself cannot. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client that the suite runs against servers of its own. */
export interface ClientTarget extends TargetFacts {
  readonly leg: 'client';
  /** What the suite runs in a shell, the URL of its server appended. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether a scenario is one for it. */
  readonly takes: (scenario: string, set: SetName) => boolean;
}

/** An authorization server that the suite is run against as a client of its own. */
export interface AuthorizationTarget extends TargetFacts {
  readonly leg: 'authorization';
  /** Its issuer. */
  readonly url: string;
  /** Of a client with `http://127.0.0.1/callback`, on any port. */
  readonly clientId: string;
  /** What the user does at the address the suite prints, until the browser is back at the suite. */
  readonly signIn: (url: URL) => Promise<void>;
}

/** What the suite is run on: a column of the table for each set. */
export type Target = ServerTarget | ClientTarget | AuthorizationTarget;

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
