/**
 * `npm run bench:tenancy`: what many keys, teams and servers cost. Fills a database with 200,000 keys, 2,000 teams and
 * 500 servers, starts the built gateway on it and, for comparison in the same run, on a database with one key.
 *
 *   --keys N --teams N --servers N   sizes (default 200000, 2000, 500)
 *   --seconds N  length of a load round (default 4)   --rounds N   rounds (default 5)
 *   --no-pin     let the system place the processes
 *   --write-docs put the table into docs/performance.md
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../dist/platform/database/embedded-postgres.js';
import { migrateDatabase } from '../../dist/platform/database/migrate.js';
import { Secret } from '../../dist/core/model/secret.js';
import { pinning, startGateway, startUpstream, usageOf } from './processes.mjs';
import { runLoad } from './run-load.mjs';

const { values: flags } = parseArgs({
  options: {
    keys: { type: 'string', default: '200000' },
    teams: { type: 'string', default: '2000' },
    servers: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    'no-pin': { type: 'boolean', default: false },
    'write-docs': { type: 'boolean', default: false },
  },
});
const [keyCount, teamCount, serverCount] = [flags.keys, flags.teams, flags.servers].map(Number);
const pin = flags['no-pin'] ? null : await pinning();

const MASTER = 'sk-bench-0123456789abcdef0123456789abcdef';
const silent = { debug() {}, warn() {}, error: (text) => process.stderr.write(`${text}\n`) };
/** The n-th key: 22 characters after the prefix, like a real one. */
const keyOf = (n) => `sk-tenancy${String(n).padStart(15, '0')}`;
const rpc = (method, params) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
const CALL = rpc('tools/call', { name: 'echo', arguments: { text: 'a question of about forty characters, say' } });
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const quantile = (numbers, share) =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];

const note = (text) => process.stderr.write(`${text}\n`);

function headersOf(key) {
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-06-18',
    'x-litellm-api-key': `Bearer ${key}`,
  };
}

async function rest(origin, method, path, body) {
  const startedAt = performance.now();
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
  return { ms: performance.now() - startedAt, body: text === '' ? undefined : JSON.parse(text) };
}

async function callOnce(url, key) {
  const startedAt = performance.now();
  const response = await fetch(url, { method: 'POST', headers: headersOf(key), body: CALL });
  const text = await response.text();
  if (!response.ok || !text.includes('"result"')) throw new Error(`call: ${response.status} ${text.slice(0, 500)}`);
  return performance.now() - startedAt;
}

/** Teams that may use 20 servers each, keys that may use one or two of their team's. */
async function fill(databaseUrl, serverIds) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('CREATE TEMP TABLE server_of (n int PRIMARY KEY, id text)');
    await client.query(
      'INSERT INTO server_of SELECT ordinality - 1, id FROM unnest($1::text[]) WITH ORDINALITY AS s(id, ordinality)',
      [serverIds],
    );
    await client.query(
      `INSERT INTO object_permission (id, mcp_servers)
       SELECT md5('team-' || t)::uuid,
         (SELECT jsonb_agg(id) FROM server_of WHERE n IN (SELECT (t + i * 7) % $2 FROM generate_series(0, 19) i))
       FROM generate_series(0, $1 - 1) t`,
      [teamCount, serverIds.length],
    );
    await client.query(
      `INSERT INTO team (id, alias, object_permission_id, updated_at)
       SELECT 'team-' || t, 'Team ' || t, md5('team-' || t)::uuid, now() FROM generate_series(0, $1 - 1) t`,
      [teamCount],
    );
    const step = 20_000;
    for (let from = 0; from < keyCount; from += step) {
      const to = Math.min(keyCount, from + step) - 1;
      await client.query(
        `INSERT INTO object_permission (id, mcp_servers)
         SELECT md5('key-' || k)::uuid, jsonb_build_array((SELECT id FROM server_of WHERE n = (k % $3) % $4))
         FROM generate_series($1::int, $2::int) k`,
        [from, to, teamCount, serverIds.length],
      );
      await client.query(
        `INSERT INTO virtual_key (id, token_hash, key_name, alias, team_id, object_permission_id, updated_at, created_at)
         SELECT md5('row-' || k)::uuid, encode(sha256(convert_to('sk-tenancy' || lpad(k::text, 15, '0'), 'UTF8')), 'hex'),
           'sk-...' || right(k::text, 4), 'key-' || k, 'team-' || (k % $3), md5('key-' || k)::uuid, now(),
           now() - k * interval '1 second'
         FROM generate_series($1::int, $2::int) k`,
        [from, to, teamCount],
      );
    }
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}

async function main() {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-tenancy-'));
  const postgres = await startEmbeddedPostgres({ dataDir: folder, port: 0, log: silent });
  const upstream = await startUpstream(pin);
  const open = [];
  const start = async (databaseUrl, servers) => {
    const startedAt = performance.now();
    const gateway = await startGateway({
      key: MASTER,
      servers,
      pin,
      env: { DATABASE_URL: databaseUrl, STORE_MODEL_IN_DB: 'true' },
    });
    open.push(gateway);
    return { ...gateway, startMs: performance.now() - startedAt };
  };
  try {
    const small = postgres.url.reveal();
    const large = new URL(small);
    large.pathname = '/tenancy';
    const client = new pg.Client({ connectionString: small });
    await client.connect();
    await client.query('CREATE DATABASE tenancy');
    await client.end();
    for (const url of [small, large.href]) await migrateDatabase(new Secret(url), { log: silent });

    note(`filling: ${serverCount} servers, ${teamCount} teams, ${keyCount} keys`);
    const filler = await start(large.href, {});
    const imported = await rest(filler.origin, 'POST', '/v1/mcp/server/import', {
      mcpServers: Object.fromEntries(
        Array.from({ length: serverCount }, (_, index) => [
          `server_${index}`,
          { type: 'http', url: `${upstream.origin}/${index + 1}/mcp` },
        ]),
      ),
    });
    const listed = await rest(filler.origin, 'GET', '/v1/mcp/server');
    if (listed.body.length !== serverCount) {
      throw new Error(
        `${listed.body.length} servers instead of ${serverCount}: ${JSON.stringify(imported.body).slice(0, 500)}`,
      );
    }
    await filler.close();
    // By the number in their names, so that key k of team k % teams has server (k % teams) % servers.
    const ids = listed.body
      .toSorted((a, b) => Number(a.server_name.slice(7)) - Number(b.server_name.slice(7)))
      .map(({ server_id: id }) => id);
    await fill(large.href, ids);
    const serverOf = (key) => `server_${(key % teamCount) % serverCount}`;

    note('starting');
    const baseline = await start(small, { bench: `${upstream.origin}/mcp` });
    const one = await rest(baseline.origin, 'POST', '/key/generate', {
      object_permission: { mcp_servers: ['bench'] },
    });
    const starts = [];
    for (let round = 0; round < 2; round += 1) {
      const tried = await start(large.href, {});
      starts.push(tried.startMs);
      await tried.close();
    }
    const gateway = await start(large.href, {});
    starts.push(gateway.startMs);
    const idleMiB = (await usageOf(gateway)).rssMiB;

    note('cold keys');
    await callOnce(`${gateway.origin}/mcp/${serverOf(0)}`, keyOf(0));
    const cold = [];
    const warm = [];
    for (let index = 1; index <= 300; index += 1) {
      // Keys of one server, so that a cold upstream is not what is measured.
      const key = index * teamCount;
      if (key >= keyCount) break;
      cold.push(await callOnce(`${gateway.origin}/mcp/${serverOf(key)}`, keyOf(key)));
      warm.push(await callOnce(`${gateway.origin}/mcp/${serverOf(key)}`, keyOf(key)));
    }

    note('admin REST');
    const timed = async (method, path, body) => {
      const spans = [];
      for (let round = 0; round < 15; round += 1) spans.push((await rest(gateway.origin, method, path, body)).ms);
      return spans;
    };
    const pages = {
      'first page of `/key/list`, 100 keys': await timed('GET', '/key/list?page=1&size=100&return_full_object=true'),
      'page 1,000 of it': await timed('GET', '/key/list?page=1000&size=100&return_full_object=true'),
      'keys of one team': await timed('GET', '/key/list?team_id=team-7&size=100&return_full_object=true'),
      'all servers, `GET /v1/mcp/server`': await timed('GET', '/v1/mcp/server'),
      'a server changed and live here, `PUT /v1/mcp/server`': await timed('PUT', '/v1/mcp/server', {
        server_id: ids[0],
        description: 'changed',
      }),
      '`POST /key/generate`': await timed('POST', '/key/generate', { team_id: 'team-1' }),
    };

    note('20,000 keys in use');
    const inUse = Math.min(20_000, keyCount);
    for (let from = 0; from < inUse; from += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const response = await fetch(`${gateway.origin}/mcp/${serverOf(from + index)}`, {
            method: 'POST',
            headers: headersOf(keyOf(from + index)),
            body: rpc('ping', {}),
          });
          if (!response.ok)
            throw new Error(`ping with key ${from + index}: ${response.status} ${await response.text()}`);
          await response.text();
        }),
      );
    }
    const busyMiB = (await usageOf(gateway)).rssMiB;

    note('a warm call, against the small installation');
    const rounds = { small: [], large: [] };
    for (let round = 0; round < Number(flags.rounds); round += 1) {
      const job = { body: CALL, connections: 32, warmupMs: 1_000, durationMs: 1_000 * Number(flags.seconds) };
      rounds.small.push(
        await runLoad({ ...job, url: `${baseline.origin}/mcp/bench`, headers: headersOf(one.body.key) }, baseline, pin),
      );
      rounds.large.push(
        await runLoad(
          { ...job, url: `${gateway.origin}/mcp/${serverOf(0)}`, headers: headersOf(keyOf(0)) },
          gateway,
          pin,
        ),
      );
    }
    const failed = [...rounds.small, ...rounds.large].find(({ errors }) => errors > 0);
    if (failed !== undefined) throw new Error(`failed requests: ${failed.firstError}`);
    const perSecond = (name) => median(rounds[name].map((round) => round.perSecond));
    const cpuUs = (name) => median(rounds[name].map((round) => round.cpuUs));

    const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
    const rows = [
      ['start until ready (median of 3)', ms(median(starts))],
      ['the same with one key and one server', ms(baseline.startMs)],
      ['resident after the start', `${idleMiB.toFixed(0)} MiB`],
      [`resident with ${inUse.toLocaleString('en')} keys in use`, `${busyMiB.toFixed(0)} MiB`],
      [`first call of a cold key (median, p95 of ${cold.length})`, `${ms(median(cold))}, ${ms(quantile(cold, 0.95))}`],
      ['the call after it', `${ms(median(warm))}, ${ms(quantile(warm, 0.95))}`],
      ...Object.entries(pages).map(([name, spans]) => [name, `${ms(median(spans))}, ${ms(quantile(spans, 0.95))}`]),
      ['warm calls a second, 32 connections', perSecond('large').toFixed(0)],
      ['the same with one key and one server', perSecond('small').toFixed(0)],
      ['**ratio of the two**', `**${(perSecond('large') / perSecond('small')).toFixed(2)}**`],
      [
        'CPU a warm call, and with one key and one server',
        `${cpuUs('large').toFixed(0)} µs, ${cpuUs('small').toFixed(0)} µs`,
      ],
    ];
    const machine = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}`;
    const sizes = `${keyCount.toLocaleString('en')} keys, ${teamCount.toLocaleString('en')} teams, ${serverCount.toLocaleString('en')} servers`;
    const table = ['| | |', '| --- | --: |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');
    const report = `${machine}. ${sizes}.\n\n${table}`;
    process.stdout.write(`\n${report}\n`);
    if (flags['write-docs']) {
      const path = join(import.meta.dirname, '../../docs/performance.md');
      const page = await readFile(path, 'utf8');
      const [before, after] = [page.indexOf('<!-- tenancy:begin -->'), page.indexOf('<!-- tenancy:end -->')];
      if (before === -1) throw new Error('docs/performance.md has no place for this table');
      await writeFile(path, `${page.slice(0, before)}<!-- tenancy:begin -->\n\n${report}\n\n${page.slice(after)}`);
    }
  } finally {
    await Promise.allSettled(open.map((gateway) => gateway.close()));
    await upstream.close();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
