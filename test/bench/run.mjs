/**
 * `npm run bench`: what the gateway costs. Starts an upstream, a bare `node:http` → undici proxy and the built gateway
 * (authentication, access decision, ledger and its own Postgres on), loads them in turn and prints a table.
 *
 *   --quick        short rounds, for a look
 *   --seconds N    length of a round (default 4)      --rounds N   rounds per row (default 5)
 *   --only call|list                  --connections N,N   for tools/call (default 1,8,32,128)
 *   --no-pin       let the system place the processes (default: the one under test alone on core 0)
 *   --profile DIR  write a CPU profile of the gateway there
 *   --write-docs   put the tables into docs/performance.md
 *
 * Rounds of direct, proxy and gateway alternate, so that a machine that is slow for a while is slow for all of them;
 * a row gives the median of its rounds.
 */
import { availableParallelism, cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startBareProxy, startGateway, startUpstream, pinning } from './processes.mjs';
import { runLoad } from './run-load.mjs';
import { callTable, listTable } from './tables.mjs';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    connections: { type: 'string' },
    only: { type: 'string' },
    'no-pin': { type: 'boolean', default: false },
    profile: { type: 'string' },
    'write-docs': { type: 'boolean', default: false },
  },
});
const rounds = Number(flags.rounds ?? (flags.quick ? 2 : 5));
const durationMs = 1000 * Number(flags.seconds ?? (flags.quick ? 1 : 4));
const warmupMs = flags.quick ? 500 : 1000;
const pin = flags['no-pin'] ? null : await pinning();

const KEY = 'sk-bench-0123456789abcdef0123456789abcdef';
const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2025-06-18',
  'x-litellm-api-key': `Bearer ${KEY}`,
};
const rpc = (method, params) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
const CALL = rpc('tools/call', { name: 'echo', arguments: { text: 'a question of about forty characters, say' } });

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Loads each target `rounds` times in turn; gives the medians and what the process under test took of its core. */
async function measure(targets, connections) {
  const results = targets.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, target] of targets.entries()) {
      const job = {
        url: target.url,
        headers: target.headers ?? HEADERS,
        body: target.body,
        connections,
        warmupMs,
        durationMs,
      };
      results[index].push(await runLoad(job, target.process, pin));
    }
  }
  return targets.map((target, index) => {
    const mine = results[index];
    const of = (field) => median(mine.map((result) => result[field]));
    return {
      name: target.name,
      connections,
      perSecond: of('perSecond'),
      p50: of('p50'),
      p95: of('p95'),
      p99: of('p99'),
      cpuUs: of('cpuUs'),
      rssMiB: Math.max(...mine.map(({ rssMiB }) => rssMiB)),
      errors: mine.reduce((sum, { errors }) => sum + errors, 0),
      firstError: mine.find(({ firstError }) => firstError !== undefined)?.firstError,
    };
  });
}

/** The client session that most SDK clients would use. */
async function openSession(url) {
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
  const { 'mcp-protocol-version': _, ...headers } = HEADERS;
  const response = await fetch(url, { method: 'POST', headers, body: rpc('initialize', params) });
  await response.text();
  return response.headers.get('mcp-session-id');
}

async function benchCalls() {
  const upstream = await startUpstream(pin);
  const proxy = await startBareProxy(upstream.origin, pin);
  const gateway = await startGateway({
    key: KEY,
    servers: { bench: `${upstream.origin}/mcp` },
    pin,
    profile: flags.profile,
  });
  const rows = [];
  try {
    const url = `${gateway.origin}/mcp/bench`;
    const session = await openSession(url);
    for (const connections of (flags.connections ?? '1,8,32,128').split(',').map(Number)) {
      process.stderr.write(`tools/call, ${connections} connections\n`);
      const targets = [
        { name: 'direct', url: `${upstream.origin}/mcp`, body: CALL, process: upstream },
        { name: 'bare proxy', url: `${proxy.origin}/mcp`, body: CALL, process: proxy },
        { name: 'gateway', url, body: CALL, process: gateway },
      ];
      if (connections === 32 && session !== null) {
        const headers = { ...HEADERS, 'mcp-session-id': session };
        targets.push({ name: 'gateway, in a session', url, body: CALL, headers, process: gateway });
        const prefixed = rpc('tools/call', { ...JSON.parse(CALL).params, name: 'bench-echo' });
        targets.push({
          name: 'gateway, aggregate `/mcp`',
          url: `${gateway.origin}/mcp`,
          body: prefixed,
          process: gateway,
        });
      }
      rows.push(...(await measure(targets, connections)));
    }
  } finally {
    await Promise.all([gateway.close(), proxy.close(), upstream.close()]);
  }
  return rows;
}

async function benchLists() {
  const rows = [];
  for (const count of [1, 10, 50]) {
    process.stderr.write(`tools/list, ${count} servers\n`);
    const upstream = await startUpstream(pin);
    const servers = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`server_${index + 1}`, `${upstream.origin}/${index + 1}/mcp`]),
    );
    const gateway = await startGateway({ key: KEY, servers, pin });
    try {
      const response = await fetch(`${gateway.origin}/mcp`, {
        method: 'POST',
        headers: HEADERS,
        body: rpc('tools/list', {}),
      });
      const text = await response.text();
      const tools = JSON.parse(text).result?.tools?.length;
      if (tools !== count * 20) throw new Error(`expected ${count * 20} tools, got ${tools}: ${text.slice(0, 500)}`);
      const targets = [
        { name: 'gateway', url: `${gateway.origin}/mcp`, body: rpc('tools/list', {}), process: gateway },
      ];
      for (const connections of [1, 8]) {
        const [row] = await measure(targets, connections);
        rows.push({ ...row, servers: count, tools, kib: Buffer.byteLength(text) / 1024 });
      }
    } finally {
      await Promise.all([gateway.close(), upstream.close()]);
    }
  }
  return rows;
}

const calls = flags.only === 'list' ? [] : await benchCalls();
const lists = flags.only === 'call' ? [] : await benchLists();

const failed = [...calls, ...lists].filter(({ errors }) => errors > 0);
const machine = [
  `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  `Node ${process.version}`,
  pin === null
    ? 'processes placed by the system'
    : 'process under test alone on one core, upstream and load on the other',
  `${rounds} alternating rounds of ${durationMs / 1000} s, medians`,
].join('; ');
const report = [
  `${machine}.`,
  ...(calls.length === 0 ? [] : ['### `tools/call`', callTable(calls)]),
  ...(lists.length === 0 ? [] : ['### `tools/list`, warm, 20 tools a server', listTable(lists)]),
].join('\n\n');
process.stdout.write(`\n${report}\n`);
for (const row of failed) process.stderr.write(`${row.errors} failed requests: ${row.name}: ${row.firstError}\n`);

if (flags['write-docs']) {
  const path = join(import.meta.dirname, '../../docs/performance.md');
  const page = await readFile(path, 'utf8');
  const [before, after] = [page.indexOf('<!-- bench:begin -->'), page.indexOf('<!-- bench:end -->')];
  await writeFile(path, `${page.slice(0, before)}<!-- bench:begin -->\n\n${report}\n\n${page.slice(after)}`);
}
process.exitCode = failed.length > 0 ? 1 : 0;
