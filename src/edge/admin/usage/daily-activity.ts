/** Calls of one day, or of one day and one value of a dimension (a server, a tool, a team…). */
export interface ActivityRow {
  /** `2026-01-31`, UTC. */
  readonly day: string;
  /** Null: the day as a whole. */
  readonly dimension: string | null;
  readonly value: string | null;
  readonly requests: number;
  readonly successes: number;
  readonly durationMs: number;
}

/** What the incumbent counts. Money and tokens are those of models: calls of tools have none. */
export interface ActivityMetrics {
  readonly spend: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly total_tokens: number;
  readonly successful_requests: number;
  readonly failed_requests: number;
  readonly api_requests: number;
}

interface Breakdown {
  readonly metrics: ActivityMetrics;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface ActivityDay {
  readonly date: string;
  readonly metrics: ActivityMetrics;
  readonly breakdown: {
    readonly mcp_servers: Readonly<Record<string, Breakdown>>;
    readonly models: Readonly<Record<string, never>>;
    readonly model_groups: Readonly<Record<string, never>>;
    readonly providers: Readonly<Record<string, never>>;
    readonly api_keys: Readonly<Record<string, Breakdown>>;
    readonly entities: Readonly<Record<string, Breakdown>>;
  };
}

/** What is known of a value beside its count: a key's alias, a team's name. */
export type Describe = (dimension: string, value: string) => { readonly name: string; readonly metadata: object };

/** Days newest first, in the incumbent's shape (reference §3.10). Pure. */
export function toActivityDays(
  rows: readonly ActivityRow[],
  entity: string,
  describe: Describe,
): readonly ActivityDay[] {
  const breakdownOf = (day: string, dimension: string): Record<string, Breakdown> =>
    Object.fromEntries(
      rows.flatMap((row) => {
        if (row.day !== day || row.dimension !== dimension || row.value === null) return [];
        const { name, metadata } = describe(dimension, row.value);
        return [[name, { metrics: toMetrics([row]), metadata: { ...metadata } }] as const];
      }),
    );
  return rows
    .filter(({ dimension }) => dimension === null)
    .toSorted((a, b) => b.day.localeCompare(a.day))
    .map((row) => ({
      date: row.day,
      metrics: toMetrics([row]),
      breakdown: {
        mcp_servers: breakdownOf(row.day, 'tool'),
        models: {},
        model_groups: {},
        providers: {},
        api_keys: breakdownOf(row.day, 'key'),
        entities: breakdownOf(row.day, entity),
      },
    }));
}

/** The sum over rows that do not overlap. */
export function toMetrics(rows: readonly Pick<ActivityRow, 'requests' | 'successes'>[]): ActivityMetrics {
  const requests = rows.reduce((sum, row) => sum + row.requests, 0);
  const successes = rows.reduce((sum, row) => sum + row.successes, 0);
  return {
    spend: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
    total_tokens: 0,
    successful_requests: successes,
    failed_requests: requests - successes,
    api_requests: requests,
  };
}

/** The totals of a list of days, as the incumbent names them. */
export function toTotals(rows: readonly ActivityRow[]): Readonly<Record<string, number>> {
  const metrics = toMetrics(rows.filter(({ dimension }) => dimension === null));
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [`total_${name}`.replace('total_total_', 'total_'), value]),
  );
}
