import { request, type IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { AggregatorRegistry } from 'prom-client';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { Metrics } from '../../platform/telemetry/metrics.js';

/** A sibling that takes longer is left out of the sums. */
const SIBLING_MS = 2_000;
const SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024;
const KEY_CARRIERS = ['x-litellm-api-key', 'authorization', 'x-api-key'] as const;

/** The metrics of the whole gateway: those of this process, or with `--workers` the sums over all processes. */
@Injectable()
export class ClusterMetrics {
  constructor(
    private readonly metrics: Metrics,
    @Inject(WORKER) private readonly worker: Worker,
  ) {}

  /** `headers` are the scraper's: siblings want its credential too. */
  async expose(headers: IncomingHttpHeaders): Promise<{ contentType: string; text: string }> {
    if (this.worker.count === 1) return this.metrics.expose();
    const siblings = Array.from({ length: this.worker.count }, (_, index) => index).filter(
      (index) => index !== this.worker.index,
    );
    const snapshots = await Promise.all([
      this.metrics.snapshot(),
      ...siblings.map((index) => this.#ask(index, headers)),
    ]);
    const sums = AggregatorRegistry.aggregate(snapshots.filter((snapshot) => snapshot !== undefined));
    return { contentType: sums.contentType, text: await sums.metrics() };
  }

  /** This process alone, as data. */
  own(): Promise<object[]> {
    return this.metrics.snapshot();
  }

  #ask(index: number, headers: IncomingHttpHeaders): Promise<object[] | undefined> {
    const { promise, resolve } = Promise.withResolvers<object[] | undefined>();
    const credential = Object.fromEntries(
      KEY_CARRIERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
    );
    const call = request({
      socketPath: this.worker.siblingSocketPath(index),
      path: '/metrics/process',
      headers: { ...credential, host: 'localhost' },
      timeout: SIBLING_MS,
    });
    call.on('timeout', () => call.destroy(new Error('a sibling did not answer in time')));
    // A sibling that is being started again has nothing to say.
    call.on('error', () => resolve(undefined));
    call.on('response', (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > SNAPSHOT_BYTES_MAX) call.destroy(new Error('a sibling said too much'));
        else chunks.push(chunk);
      });
      answer.on('error', () => resolve(undefined));
      answer.on('end', () => resolve(answer.statusCode === 200 ? readSnapshot(Buffer.concat(chunks)) : undefined));
    });
    call.end();
    return promise;
  }
}

function readSnapshot(body: Buffer): object[] | undefined {
  const value: unknown = JSON.parse(body.toString('utf8'));
  return Array.isArray(value) ? (value as object[]) : undefined;
}
