/**
 * The load: CONNECTIONS keep-alive connections, each sending the same request again as soon as its answer is complete.
 * Plain sockets and a prepared request, because on two cores a general load tool is itself the bottleneck (autocannon
 * costs about as much per request as the bare proxy). Speaks just enough HTTP: status line, content-length, chunked.
 *
 * Takes a job as JSON on its command line and writes one JSON line.
 */
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';

const { url, headers, body, connections, warmupMs, durationMs } = JSON.parse(process.argv[2]);
const { hostname, port, pathname, search } = new URL(url);
const request = Buffer.from(
  [
    `POST ${pathname}${search} HTTP/1.1`,
    `host: ${hostname}:${port}`,
    ...Object.entries({ ...headers, 'content-length': Buffer.byteLength(body) }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    '',
    body,
  ].join('\r\n'),
);

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');
let latenciesUs = new Uint32Array(1 << 20);
let count = 0;
let errors = 0;
let total = 0; // Warm-up included: what the CPU time of the process under test is divided by.
let measuring = false;
let stopped = false;
let firstError;

function record(latencyUs) {
  if (count === latenciesUs.length) {
    const grown = new Uint32Array(count * 2);
    grown.set(latenciesUs);
    latenciesUs = grown;
  }
  latenciesUs[count++] = latencyUs;
}

function fail(reason) {
  errors += 1;
  firstError ??= reason;
}

function open() {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  let sentAt = 0;
  let remaining = -1; // Bytes of the body still to come; -1: in the head; Infinity: chunked.
  let pending = null;

  const send = () => {
    remaining = -1;
    sentAt = performance.now();
    socket.write(request);
  };
  const done = () => {
    total += 1;
    if (measuring) record((performance.now() - sentAt) * 1000);
    if (stopped) socket.destroy();
    else send();
  };
  socket.on('data', (received) => {
    let chunk = pending === null ? received : Buffer.concat([pending, received]);
    pending = null;
    if (remaining === -1) {
      const end = chunk.indexOf(HEAD_END);
      if (end === -1) {
        pending = chunk;
        return;
      }
      const head = chunk.latin1Slice(0, end);
      if (!head.startsWith('HTTP/1.1 200')) fail(chunk.latin1Slice(0, 400));
      const length = /\r\ncontent-length: *(\d+)/i.exec(head);
      remaining = length === null ? Infinity : Number(length[1]);
      chunk = chunk.subarray(end + 4);
      if (remaining === Infinity) chunk = Buffer.concat([Buffer.from('\r\n'), chunk]);
    }
    if (remaining === Infinity) {
      if (chunk.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)) done();
      else pending = chunk.subarray(-LAST_CHUNK.length);
    } else {
      remaining -= chunk.length;
      if (remaining === 0) done();
    }
  });
  socket.on('connect', send);
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => {
    if (stopped) return;
    fail('connection closed');
    open();
  });
}

for (let index = 0; index < connections; index += 1) open();
await new Promise((resolve) => setTimeout(resolve, warmupMs));
measuring = true;
const startedAt = performance.now();
await new Promise((resolve) => setTimeout(resolve, durationMs));
measuring = false;
stopped = true;
const seconds = (performance.now() - startedAt) / 1000;
const sorted = latenciesUs.subarray(0, count).sort();
const at = (share) => (count === 0 ? NaN : sorted[Math.min(count - 1, Math.floor(count * share))] / 1000);
process.stdout.write(
  `${JSON.stringify({ perSecond: count / seconds, p50: at(0.5), p95: at(0.95), p99: at(0.99), total, errors, firstError })}\n`,
  () => process.exit(0),
);
