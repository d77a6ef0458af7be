import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { waitFor } from '../../../test/harness/wait-for.js';
import { type LoadedConfiguration, loadConfiguration } from '../../platform/config/load-configuration.js';
import { SINGLE_WORKER } from '../../platform/config/worker.js';
import { NOTHING_STORED } from './stored-registry.js';
import { type RegistryChange, RegistryService } from './registry.service.js';

let cwd: string;
let registry: RegistryService;
let lines: string[];
let changes: RegistryChange[];

function write(content: string): void {
  writeFileSync(join(cwd, 'config.yaml.new'), content);
  renameSync(join(cwd, 'config.yaml.new'), join(cwd, 'config.yaml'));
}

/** Nothing is stored; the database has its own tests. */
const NO_ROWS = { load: () => Promise.resolve(NOTHING_STORED), onChange: () => () => undefined };

function create({ source, settings }: LoadedConfiguration, logger: Logger): RegistryService {
  return new RegistryService(source, NO_ROWS, settings.registry, settings.stdio, logger, SINGLE_WORKER);
}

async function start(content: string): Promise<void> {
  write(content);
  const outcome = loadConfiguration({ argv: [], env: { CANARY: 'canary-secret' }, cwd });
  if (outcome.kind !== 'loaded') throw new Error(JSON.stringify(outcome));
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  registry = create(outcome, logger);
  registry.subscribe((change) => changes.push(change));
  await registry.onModuleInit();
}

const names = () => registry.current.servers.map(({ name }) => name);
const logged = (text: string) => lines.filter((line) => line.includes(text));

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'gatehouse-registry-'));
  lines = [];
  changes = [];
});
afterEach(() => {
  registry.onApplicationShutdown();
  rmSync(cwd, { recursive: true, force: true });
});

describe('the registry', () => {
  it('serves what the file declares from the first moment', async () => {
    await start('mcp_servers: { a: { url: http://h }, o: { url: http://h, auth_type: oauth_delegate } }');
    expect(names()).toEqual(['a']);
    expect(registry.status()).toEqual({
      version: 1,
      inSync: true,
      rejected: [{ name: 'o', origin: 'file', reason: expect.stringContaining('set aside') }],
    });
    expect(logged('set aside')).toHaveLength(1);
    expect(changes).toEqual([]);
  });

  it('says that a changed setting waits for the next start, also when nothing else changed', async () => {
    await start('mcp_servers: { a: { url: http://h } }');
    write('mcp_servers: { a: { url: http://h } }\ngeneral_settings: { ledger_retention_days: 7 }');
    await waitFor(() => logged('takes effect when the gateway is started again').length > 0);
    expect(changes).toEqual([]);
  });

  it('applies a valid change of the file by itself and tells what it was', async () => {
    await start('mcp_servers: { a: { url: http://h }, b: { url: http://h } }');
    const before = registry.current;
    write('mcp_servers: { a: { url: http://h }, b: { url: http://other }, c: { url: http://h } }');
    await waitFor(() => registry.current !== before, { what: 'the change to be live' });
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(registry.current.byHandle.get('a')).toBe(before.byHandle.get('a'));
    expect(changes).toHaveLength(1);
    expect(changes[0]?.previous).toBe(before);
    expect(changes[0]?.next).toBe(registry.current);
    expect(changes[0]?.diff).toMatchObject({ added: [{ name: 'c' }], changed: [{ name: 'b' }], removed: [] });
    expect(registry.status()).toMatchObject({ version: 2, inSync: true });
    expect(logged('configuration reloaded')).toHaveLength(1);
  });

  it('keeps the last good state on an invalid change, says why, and recovers (defect 50)', async () => {
    await start('mcp_servers: { a: { url: http://h }, b: { url: http://h } }');
    const before = registry.current;
    write('mcp_servers:\n  a: { url: http://h }\n  b: { url: 5 }\n  c: { url: http://h }\n');
    await waitFor(() => !registry.status().inSync, { what: 'the invalid file to be noticed' });
    expect(registry.current).toBe(before);
    expect(registry.status().lastError).toContain('config.yaml:3:8 mcp_servers.b.url: must be a string');
    expect(logged('configuration invalid')).toHaveLength(1);
    registry.reload();
    expect(logged('configuration invalid')).toHaveLength(1);

    write('mcp_servers: { a: { url: http://h }, b: { url: http://h } }');
    await waitFor(() => registry.status().inSync, { what: 'the valid file to be noticed' });
    expect(registry.current).toBe(before);
    expect(registry.status()).not.toHaveProperty('lastError');
    expect(changes).toEqual([]);
  });

  it('keeps serving when the file goes away', async () => {
    await start('mcp_servers: { a: { url: http://h } }');
    rmSync(join(cwd, 'config.yaml'));
    await waitFor(() => !registry.status().inSync, { what: 'the missing file to be noticed' });
    expect(names()).toEqual(['a']);
    expect(registry.status().lastError).toContain('does not exist');
  });

  it('sees a change made between reading and watching', async () => {
    write('mcp_servers: {}');
    const outcome = loadConfiguration({ argv: [], env: {}, cwd });
    if (outcome.kind !== 'loaded') throw new Error('invalid');
    write('mcp_servers: { a: { url: http://h } }');
    registry = create(outcome, pino({ level: 'silent' }));
    await registry.onModuleInit();
    expect(names()).toEqual(['a']);
  });

  it('does not let one listener keep a change from the others, or go on after it left', async () => {
    await start('mcp_servers: { a: { url: http://h } }');
    const heard: string[] = [];
    registry.subscribe(() => {
      throw new Error('listener');
    });
    const leave = registry.subscribe(() => heard.push('one'));
    registry.subscribe(() => heard.push('two'));
    write('mcp_servers: {}');
    registry.reload();
    leave();
    write('mcp_servers: { b: { url: http://h } }');
    registry.reload();
    expect(heard).toEqual(['one', 'two', 'two']);
    expect(logged('a listener of the registry failed').length).toBeGreaterThan(0);
  });

  it('says that other settings wait for a restart, and follows mcp_tool_prefix at once', async () => {
    await start('mcp_servers: { a: { url: http://h } }');
    write('general_settings: { mcp_tool_prefix: never, allowed_hosts: [x] }\nmcp_servers: { a: { url: http://h } }');
    registry.reload();
    expect(registry.current.prefixMode).toBe('never');
    expect(logged('when the gateway is started again')).toHaveLength(1);
  });

  it('logs nothing secret, valid or not (defect 54)', async () => {
    await start(
      'mcp_servers: { a: { url: "http://u:canary-pw@h/?t=canary-q", static_headers: { A: os.environ/CANARY } } }',
    );
    write(
      'mcp_servers: { a: { url: canary-url, auth_type: canary }, b: { command: x, args: [canary-a], env: { A: canary-e } } }',
    );
    registry.reload();
    write(
      'mcp_servers: { b: { command: x, args: [canary-a], env: { A: os.environ/CANARY }, canary: 1 } }'.replace(
        ', canary: 1',
        '',
      ),
    );
    registry.reload();
    write('mcp_servers: { b: "canary');
    registry.reload();
    expect(lines.length).toBeGreaterThan(2);
    expect(lines.join('')).not.toContain('canary');
    expect(JSON.stringify(registry.status())).not.toContain('canary');
  });
});
