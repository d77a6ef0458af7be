import { Injectable } from '@nestjs/common';
import { Counter, Histogram } from 'prom-client';
import { Metrics } from './metrics.js';

/** Methods that get a label of their own; anything else a client sends is `other`, or it could grow labels at will. */
const LABELLED_METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'completion/complete',
  'logging/setLevel',
  'server/discover',
]);

/** Upper bounds of the duration buckets, in seconds. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const BUCKETS_MS = Float64Array.from(BUCKETS_S, (seconds) => seconds * 1_000);

/** Sets of labels kept at once. Servers that came and went may use them up; further ones are counted under `other`. */
const SERIES_MAX = 5_000;

/** What happened to calls of one method, server and outcome. */
interface Series {
  readonly labels: { readonly method: string; readonly server: string; readonly outcome: string };
  count: number;
  sumMs: number;
  readonly buckets: Float64Array;
}

/**
 * Calls and list outcomes as metrics, observed on the path of every call.
 *
 * The counts are kept here and turned into Prometheus' form when somebody scrapes. prom-client hashes its labels on
 * every `inc` and `observe`, about 1.1 µs for the pair; here a call costs three map look-ups and an array increment, about
 * 0.035 µs (Node 24, one core).
 */
@Injectable()
export class CallMetrics {
  readonly #series: Series[] = [];
  readonly #byOutcome = new Map<string, Map<string, Map<string, Series>>>();
  readonly #lists = new Map<string, { labels: { server: string; status: string }; count: number }>();

  constructor(metrics: Metrics) {
    const series = this.#series;
    const lists = this.#lists;
    metrics.register(
      new SelfCountedCounter(
        'gatehouse_calls_total',
        'MCP requests served, by method, server and outcome (ok, tool_error, rpc_error or an error code)',
        ['method', 'server', 'outcome'],
        () => series.map(({ labels, count }) => ({ labels, value: count })),
      ),
    );
    metrics.register(new CallDurationHistogram(series));
    metrics.register(
      new SelfCountedCounter(
        'gatehouse_list_outcomes_total',
        'Listings of one server, by server and status (ok or an error code)',
        ['server', 'status'],
        () => [...lists.values()].map(({ labels, count }) => ({ labels, value: count })),
      ),
    );
  }

  /** One finished request. `serverName` undefined: an aggregate, or a request that reached no server. */
  observe(method: string, serverName: string | undefined, outcome: string, durationMs: number): void {
    const series = this.#seriesOf(method, serverName ?? '', outcome);
    series.count += 1;
    series.sumMs += durationMs;
    let bucket = 0;
    while (bucket < BUCKETS_MS.length && durationMs > (BUCKETS_MS[bucket] ?? Infinity)) bucket += 1;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  /** One server was listed for an aggregate: `ok`, or the code of what went wrong. */
  observeList(serverName: string, status: string): void {
    const key = `${status} ${serverName}`;
    let entry = this.#lists.get(key);
    if (entry === undefined) {
      const server = this.#lists.size < SERIES_MAX ? serverName : 'other';
      const boundedKey = `${status} ${server}`;
      entry = this.#lists.get(boundedKey) ?? { labels: { server, status }, count: 0 };
      this.#lists.set(boundedKey, entry);
    }
    entry.count += 1;
  }

  #seriesOf(method: string, server: string, outcome: string): Series {
    const known = this.#byOutcome.get(outcome)?.get(server)?.get(method);
    if (known !== undefined) return known;
    const full = this.#series.length >= SERIES_MAX;
    const boundedMethod = LABELLED_METHODS.has(method) ? method : 'other';
    const boundedServer = full ? 'other' : server;
    const byServer = entryOf(this.#byOutcome, outcome, () => new Map<string, Map<string, Series>>());
    const byMethod = entryOf(byServer, boundedServer, () => new Map<string, Series>());
    return entryOf(byMethod, boundedMethod, () => {
      const series: Series = {
        labels: { method: boundedMethod, server: boundedServer, outcome },
        count: 0,
        sumMs: 0,
        buckets: new Float64Array(BUCKETS_MS.length + 1),
      };
      this.#series.push(series);
      return series;
    });
  }
}

function entryOf<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A counter whose values are counted elsewhere. */
class SelfCountedCounter extends Counter {
  readonly #facts: Pick<Awaited<ReturnType<Counter['get']>>, 'name' | 'help'>;
  readonly #read: () => Sample[];

  constructor(name: string, help: string, labelNames: string[], read: () => Sample[]) {
    super({ name, help, labelNames, registers: [] });
    this.#facts = { name, help };
    this.#read = read;
  }

  override async get(): ReturnType<Counter['get']> {
    return { ...(await super.get()), ...this.#facts, values: this.#read() };
  }
}

const DURATION_NAME = 'gatehouse_call_duration_seconds';

const DURATION_HELP = 'Seconds from the request line to the last byte of the answer, by method and server';

/** Durations by method and server, summed over outcomes. */
class CallDurationHistogram extends Histogram {
  readonly #series: readonly Series[];

  constructor(series: readonly Series[]) {
    super({
      name: DURATION_NAME,
      help: DURATION_HELP,
      labelNames: ['method', 'server'],
      buckets: BUCKETS_S,
      registers: [],
    });
    this.#series = series;
  }

  /** Where prom-client takes the samples from, for the text form directly and for `get()` through it. */
  async getForPromString(): Promise<object> {
    return {
      name: DURATION_NAME,
      help: DURATION_HELP,
      type: 'histogram',
      aggregator: 'sum',
      values: durationSamples(this.#series),
    };
  }
}

/** As prom-client keeps them inside: the labels all samples of one series share stand apart. */
interface HistogramSample extends Sample {
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly metricName: string;
}

function durationSamples(allSeries: readonly Series[]): HistogramSample[] {
  const merged = new Map<string, Series>();
  for (const series of allSeries) {
    const { method, server } = series.labels;
    const into = entryOf(merged, `${method} ${server}`, () => ({
      labels: series.labels,
      count: 0,
      sumMs: 0,
      buckets: new Float64Array(series.buckets.length),
    }));
    into.count += series.count;
    into.sumMs += series.sumMs;
    series.buckets.forEach((count, index) => {
      into.buckets[index] = (into.buckets[index] ?? 0) + count;
    });
  }
  const samples: HistogramSample[] = [];
  for (const { labels, count, sumMs, buckets } of merged.values()) {
    const sharedLabels = { method: labels.method, server: labels.server };
    const add = (suffix: string, value: number, own: Readonly<Record<string, string>> = {}): void => {
      samples.push({ metricName: `${DURATION_NAME}_${suffix}`, labels: own, sharedLabels, value });
    };
    let below = 0;
    BUCKETS_S.forEach((bound, index) => {
      below += buckets[index] ?? 0;
      add('bucket', below, { le: String(bound) });
    });
    add('bucket', count, { le: '+Inf' });
    add('sum', sumMs / 1_000);
    add('count', count);
  }
  return samples;
}
