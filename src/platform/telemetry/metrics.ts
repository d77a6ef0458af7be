import { Counter, Gauge, Registry, collectDefaultMetrics, type Metric } from 'prom-client';

/** Labels and value of one sample of a labelled gauge. */
export interface LabelledValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** CPU, memory, event loop and GC belong to the process, not to a gateway in it: collected once, whoever asks. */
let processRegistry: Registry | undefined;

function processMetrics(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

/**
 * What `/metrics` shows of one gateway. Rooms hand in callbacks that are read when somebody scrapes, so that a number
 * costs nothing until it is asked for. Names start with `gatehouse_`; label values must come from bounded sets.
 */
export class Metrics {
  readonly #own = new Registry();

  /**
   * A value that goes up and down. Names are unique; a second registration throws. `across` says what the processes of a
   * cluster amount to together.
   */
  registerGauge(name: string, help: string, read: () => number, across: 'sum' | 'min' | 'max' = 'sum'): void {
    new Gauge({
      name,
      help,
      aggregator: across,
      registers: [this.#own],
      collect() {
        this.set(read());
      },
    });
  }

  /** A total that only grows (until restart), kept by the caller. */
  registerCounter(name: string, help: string, read: () => number): void {
    let reported = 0;
    new Counter({
      name,
      help,
      registers: [this.#own],
      collect() {
        const total = read();
        if (total > reported) this.inc(total - reported);
        reported = total;
      },
    });
  }

  /** A gauge with one sample per set of labels; samples not answered any more disappear. */
  registerLabelledGauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    read: () => Iterable<LabelledValue>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#own],
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.set({ ...labels }, value);
      },
    });
  }

  /** A metric that collects itself. */
  register(metric: Metric): void {
    this.#own.registerMetric(metric);
  }

  /** The exposition text of this process. */
  async expose(): Promise<{ contentType: string; text: string }> {
    const merged = Registry.merge([processMetrics(), this.#own]);
    return { contentType: merged.contentType, text: await merged.metrics() };
  }

  /** The same as data, for adding up the processes of a cluster. */
  async snapshot(): Promise<object[]> {
    return Registry.merge([processMetrics(), this.#own]).getMetricsAsJSON();
  }
}
