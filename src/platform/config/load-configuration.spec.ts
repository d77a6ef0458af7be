import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { reportConfiguration } from './check-configuration.js';
import { loadConfiguration, type LoadedConfiguration } from './load-configuration.js';
import { formatProblem } from './format-problems.js';
import { PROJECT_ROOT } from './project-root.js';

const STRONG = 'sk-0123456789abcdef';
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'gatehouse-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

interface Given {
  readonly file?: string;
  readonly dotenv?: string;
  readonly env?: Record<string, string>;
  readonly argv?: readonly string[];
}

function load({ file = '', dotenv, env = {}, argv = [] }: Given = {}) {
  writeFileSync(join(cwd, 'config.yaml'), file);
  if (dotenv !== undefined) writeFileSync(join(cwd, '.env'), dotenv);
  return loadConfiguration({ argv, env, cwd });
}

function loaded(given: Given = {}): LoadedConfiguration {
  const outcome = load(given);
  if (outcome.kind !== 'loaded') throw new Error(reportConfiguration(outcome).output);
  return outcome;
}

/** The errors, one line each. */
function refused(given: Given): readonly string[] {
  const outcome = load(given);
  if (outcome.kind !== 'invalid') throw new Error(`expected problems, got ${outcome.kind}`);
  return outcome.problems.filter(({ severity }) => severity === 'error').map(formatProblem);
}

describe('loadConfiguration', () => {
  it('has defaults for everything', () => {
    const { settings, declared } = loaded();
    expect(settings.listen).toEqual({ host: '127.0.0.1', port: 4000, workers: 1 });
    expect(settings.config).toEqual({ path: join(cwd, 'config.yaml'), isShippedExample: false });
    expect(settings.database).toEqual({ url: undefined, dataDir: join(cwd, 'data'), embeddedPort: 0 });
    expect(settings.security).toEqual({ masterKey: undefined, saltKey: undefined, otherSaltKeys: [] });
    expect(settings.stdio).toMatchObject({ enabled: false, maxChildren: 64, idleMs: 900_000 });
    expect(settings.usage.retentionDays).toBe(30);
    expect(declared).toEqual({ servers: [], separator: '-', prefixMode: 'always', publicServers: [] });
  });

  it('is frozen throughout', () => {
    const { settings } = loaded({ file: 'general_settings: { allowed_hosts: [a.example] }' });
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(settings)).toBe(true);
  });

  describe('takes the file', () => {
    it('from --config, else CONFIG_FILE_PATH, else ./config.yaml, else the example that ships', () => {
      writeFileSync(join(cwd, 'a.yaml'), '');
      writeFileSync(join(cwd, 'b.yaml'), '');
      const env = { CONFIG_FILE_PATH: 'b.yaml' };
      expect(loaded({ argv: ['--config', 'a.yaml'], env }).settings.config.path).toBe(join(cwd, 'a.yaml'));
      expect(loaded({ env }).settings.config.path).toBe(join(cwd, 'b.yaml'));
      rmSync(join(cwd, 'config.yaml'));
      const outcome = loadConfiguration({ argv: [], env: {}, cwd });
      expect(outcome).toMatchObject({
        kind: 'loaded',
        settings: { config: { path: join(PROJECT_ROOT, 'config.example.yaml'), isShippedExample: true } },
      });
    });

    it.each([
      [['--config', 'nowhere.yaml'], 'nowhere.yaml: does not exist'],
      [['--config', '.'], 'is a folder, not a file'],
    ])('and says what is wrong with it: %j', (argv, reason) => {
      expect(refused({ argv }).join()).toContain(reason);
    });
  });

  it('runs the example from wherever it is started', () => {
    const outcome = loadConfiguration({ argv: [], env: {}, cwd });
    if (outcome.kind !== 'loaded') throw new Error('the example is invalid');
    expect(outcome.problems).toEqual([]);
    const stdio = outcome.declared.servers.filter(({ definition }) => definition.command !== undefined);
    expect(stdio.map(({ definition }) => definition.cwd)).toEqual(stdio.map(() => PROJECT_ROOT));
    expect(outcome.declared.servers.map(({ name }) => name)).toEqual([
      'everything',
      'everything_http',
      'everything_sse',
      'filesystem',
      'memory',
    ]);
  });

  describe('precedence', () => {
    it('is flag, environment, .env, file, default', () => {
      const file = `general_settings: { master_key: ${STRONG}-file, mcp_client_side_auth_header_name: X-File }`;
      const key = (given: Given) => loaded({ file, ...given }).settings.security.masterKey?.reveal();
      expect(key({})).toBe(`${STRONG}-file`);
      expect(key({ dotenv: `LITELLM_MASTER_KEY=${STRONG}-dotenv` })).toBe(`${STRONG}-dotenv`);
      expect(key({ env: { LITELLM_MASTER_KEY: `${STRONG}-env` } })).toBe(`${STRONG}-env`);

      const port = (given: Given) => loaded(given).settings.listen.port;
      expect(port({ dotenv: 'PORT=1' })).toBe(1);
      expect(port({ env: { PORT: '2' } })).toBe(2);
      expect(port({ env: { PORT: '2' }, argv: ['--port', '3'] })).toBe(3);

      const header = (given: Given) => loaded({ file, ...given }).settings.door.clientSideAuthHeader;
      expect(header({})).toBe('x-file');
      expect(header({ env: { LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME: 'X-Env' } })).toBe('x-env');
    });

    it('counts an empty variable as not set', () => {
      const env = { LITELLM_MASTER_KEY: '', PORT: '', DATABASE_URL: ' ', PROXY_BASE_URL: '', HOST: '' };
      rmSync(join(cwd, '.env'), { force: true });
      expect(loaded({ env }).settings).toMatchObject({
        listen: { host: '127.0.0.1', port: 4000 },
        database: { url: undefined },
        security: { masterKey: undefined },
        door: { baseUrl: undefined },
      });
    });

    it('lets references use .env too', () => {
      const file = 'mcp_servers: { a: { command: x, args: [os.environ/FROM_DOTENV] } }';
      expect(loaded({ file, dotenv: 'FROM_DOTENV=yes' }).declared.servers[0]?.definition.args).toEqual(['yes']);
    });
  });

  it('reads every setting', () => {
    const { settings, declared } = loaded({
      argv: ['--host', '::1', '--port', '0', '--workers', '4'],
      env: {
        DATABASE_URL: 'postgresql://u:p@db/gatehouse',
        GATEHOUSE_DATA_DIR: 'state',
        GATEHOUSE_POSTGRES_PORT: '5433',
        LITELLM_SALT_KEY: 'salt',
        PROXY_BASE_URL: 'https://mcp.example.com/gw/',
        SERVER_ROOT_PATH: 'gw/',
        MCP_TOOL_PREFIX_SEPARATOR: '__',
        LOG_LEVEL: 'WARN',
        LOG_FORMAT: 'pretty',
        LITELLM_MCP_CLIENT_TIMEOUT: '90',
        LITELLM_MCP_STDIO_EXTRA_COMMANDS: 'bunx, my-tool',
      },
      file: `
general_settings:
  limits: { call_idle_timeout: 5, json_depth: 32, shutdown_grace: 0 }
  stdio: { enabled: true, allowed_commands: [npx], max_children: 3, idle_seconds: 1.5 }
  mcp_tool_prefix: auto
  allowed_hosts: ['mcp.example.com:8443']
  allowed_origins: ['https://app.example.com/']
  use_x_forwarded_for: true
  mcp_trusted_proxy_ranges: [10.0.0.0/8]
  mcp_internal_ip_ranges: ['fd00::/8']
  ledger_retention_days: 0
`,
    });
    expect(settings).toMatchObject({
      listen: { host: '::1', port: 0, workers: 4 },
      database: { dataDir: join(cwd, 'state'), embeddedPort: 5433 },
      door: {
        baseUrl: 'https://mcp.example.com/gw',
        rootPath: '/gw',
        allowedHosts: ['mcp.example.com'],
        allowedOrigins: ['https://app.example.com'],
        useForwardedFor: true,
        trustedProxyRanges: ['10.0.0.0/8'],
        internalRanges: ['fd00::/8'],
      },
      limits: { callIdleTimeoutMs: 90_000, jsonDepthMax: 32, shutdownGraceMs: 0 },
      stdio: { enabled: true, allowedCommands: ['npx', 'bunx', 'my-tool'], maxChildren: 3, idleMs: 1500 },
      log: { level: 'warn', format: 'pretty' },
      usage: { retentionDays: 0 },
    });
    expect(settings.database.url?.reveal()).toBe('postgresql://u:p@db/gatehouse');
    expect(settings.security.saltKey?.reveal()).toBe('salt');
    expect(declared).toMatchObject({ separator: '__', prefixMode: 'auto' });
  });

  it.each<[string, Given, string]>([
    ['a port', { argv: ['--port', '70000'] }, '--port: must be a whole number from 0 to 65535'],
    ['a port in words', { env: { PORT: 'http' } }, 'PORT: must be a whole number from 0 to 65535'],
    ['no workers', { argv: ['--workers', '0'] }, '--workers: must be a whole number from 1 to 256'],
    ['a database', { env: { DATABASE_URL: 'mysql://h/d' } }, 'DATABASE_URL: must be a postgresql:// URL'],
    [
      'a base URL',
      { env: { PROXY_BASE_URL: 'mcp.example.com' } },
      'PROXY_BASE_URL: must be a URL such as https://host/path',
    ],
    ['a root path', { env: { SERVER_ROOT_PATH: '/a/../b' } }, 'SERVER_ROOT_PATH: must be a path such as /gateway'],
    [
      'a separator',
      { env: { MCP_TOOL_PREFIX_SEPARATOR: 'x' } },
      'MCP_TOOL_PREFIX_SEPARATOR: must be 1 to 8 of the characters - _ . / :',
    ],
    [
      'a log level',
      { env: { LOG_LEVEL: 'loud' } },
      'LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent',
    ],
    [
      'an address range',
      { file: 'general_settings: { mcp_internal_ip_ranges: [10.0.0.0/33] }' },
      'config.yaml:1:46 general_settings.mcp_internal_ip_ranges[0]: must be an address range such as 10.0.0.0/8',
    ],
    [
      'an origin',
      { file: 'general_settings: { allowed_origins: [app.example.com] }' },
      'must be an origin such as https://app.example.com',
    ],
    ['a file that is a list', { file: '- a' }, 'config.yaml:1:1: must be a mapping with mcp_servers and settings'],
    [
      'a section that is text',
      { file: 'general_settings: x' },
      'config.yaml:1:1 general_settings: must be a mapping (name: value)',
    ],
    ['broken YAML', { file: 'mcp_servers:\n  a: [' }, 'config.yaml:2:7: not valid YAML'],
  ])('refuses %s with its place and reason', (_, given, expected) => {
    const problems = refused(given);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  it('reports every problem at once, each with line, column and field', () => {
    const file = `general_settings:
  limits: { json_depth: deep }
mcp_servers:
  a-b: { url: http://h }
  b: { url: http://h, auth_type: bearer, auth_value: os.environ/UNSET }
  c: {}
  d:
    command: node
    args:
      - fine
      - 5
`;
    expect(refused({ file, argv: ['--port', 'x'] })).toEqual([
      '--port: must be a whole number from 0 to 65535',
      'config.yaml:2:13 general_settings.limits.json_depth: must be a whole number from 4 to 1000',
      "config.yaml:4:3 mcp_servers.a-b: Server name cannot contain '-'. Use an alternative character instead Found: a-b",
      expect.stringMatching(/^config\.yaml:5:23 mcp_servers\.b\.auth_type: must be one of none, api_key/),
      'config.yaml:5:42 mcp_servers.b.auth_value: environment variable UNSET is not set',
      'config.yaml:6:3 mcp_servers.c.url: is required for a remote server (or a command, for a stdio server)',
      'config.yaml:11:9 mcp_servers.d.args[1]: must be a string: put it in quotes',
    ]);
  });

  it('leaves references alone in what it does not read', () => {
    const file = `
model_list: [{ litellm_params: { api_key: os.environ/UNSET } }]
litellm_settings: { cache_params: { password: os.environ/UNSET } }
mcp_servers: {}`;
    expect(loaded({ file }).problems).toMatchObject([{ severity: 'note' }, { severity: 'note' }]);
  });

  it.each([
    ['mcp_server: {}', 'unknown top-level key, ignored; did you mean "mcp_servers"?'],
    ['general_settings: { master_keys: x }', 'unknown field, ignored; did you mean "master_key"?'],
    ['include: [other.yaml]', 'other files are not included'],
    ['general_settings: { allowed_origins: ["*"] }', 'name the pages instead'],
    ['general_settings: { use_x_forwarded_for: true }', 'has no effect in this version of Gatehouse'],
    ['general_settings: { allow_requests_on_db_unavailable: true }', 'has no effect in Gatehouse, on purpose'],
    ['litellm_settings: { callbacks: [otel] }', 'has no effect in Gatehouse'],
    ['litellm_settings: { mcp_semantic_tool_filter: { enabled: true } }', 'has no effect in this version'],
    ['mcp_servers: { a: { url: http://h, available_on_public_internet: false } }', 'has no effect in this version'],
  ])('warns of %s', (file, words) => {
    expect(loaded({ file }).problems).toMatchObject([
      { severity: 'warning', line: 1, message: expect.stringContaining(words) },
    ]);
  });

  it('says nothing of settings without effect that ask for nothing', () => {
    const file = `
general_settings: { store_model_in_db: false, mcp_required_fields: [], user_mcp_management_mode: restricted }
litellm_settings: { mcp_semantic_tool_filter: { enabled: false, top_k: 3 }, public_mcp_servers: [] }
mcp_servers: { a: { url: http://h, available_on_public_internet: true } }`;
    expect(loaded({ file }).problems).toEqual([]);
  });

  it('warns of variables that people bring along and that change nothing', () => {
    const env = { REDIS_URL: 'redis://secret@h', SSL_VERIFY: 'false', STORE_MODEL_IN_DB: '' };
    const { problems } = loaded({ env });
    expect(problems).toMatchObject([
      { severity: 'warning', field: 'REDIS_URL', message: expect.stringContaining('has no effect') },
      { severity: 'warning', field: 'SSL_VERIFY', message: expect.stringContaining('NODE_EXTRA_CA_CERTS') },
    ]);
    expect(JSON.stringify(problems)).not.toContain('secret@');
  });

  describe('the master key', () => {
    it.each(['0.0.0.0', '::', '192.168.1.5', 'gateway.internal'])('is needed to listen on %s', (host) => {
      expect(refused({ argv: ['--host', host] })).toEqual([expect.stringContaining('listens on loopback only')]);
      expect(loaded({ argv: ['--host', host], env: { LITELLM_MASTER_KEY: STRONG } }).settings.listen.host).toBe(host);
    });

    it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('may be absent or weak on %s', (host) => {
      expect(loaded({ argv: ['--host', host] }).settings.security.masterKey).toBeUndefined();
      const weak = loaded({ argv: ['--host', host], env: { LITELLM_MASTER_KEY: 'sk-1234' } });
      expect(weak.settings.security.masterKey?.reveal()).toBe('sk-1234');
      expect(weak.problems).toMatchObject([{ severity: 'warning', field: 'LITELLM_MASTER_KEY' }]);
    });

    it('is refused elsewhere when it could be guessed, with the reason', () => {
      expect(refused({ argv: ['--host', '0.0.0.0'], env: { LITELLM_MASTER_KEY: 'sk-1234' } })).toEqual([
        'LITELLM_MASTER_KEY: has fewer than 16 characters and could be guessed: make it longer, or listen on loopback (--host 127.0.0.1)',
      ]);
      expect(refused({ argv: ['--host', '0.0.0.0'], file: 'general_settings: { master_key: sk-1234 }' })[0]).toContain(
        'general_settings.master_key: has fewer than 16 characters',
      );
    });

    it('is not missed when the file that may hold it cannot be read', () => {
      expect(refused({ argv: ['--host', '0.0.0.0'], file: 'a: [' })).toHaveLength(1);
      expect(
        refused({ argv: ['--host', '0.0.0.0'], file: 'general_settings: { master_key: os.environ/UNSET }' }),
      ).toEqual(['config.yaml:1:21 general_settings.master_key: environment variable UNSET is not set']);
    });

    it('must be able to travel in a header', () => {
      expect(refused({ env: { LITELLM_MASTER_KEY: 'with space inside it' } })[0]).toContain('visible ASCII');
    });
  });

  it('has nothing to print that was secret (defect 54)', () => {
    const outcome = loaded({
      env: {
        LITELLM_MASTER_KEY: 'canary-master-key',
        DATABASE_URL: 'postgres://u:canary-db@h/d',
        CANARY: 'canary-ref',
        LITELLM_SALT_KEY: 'canary-salt',
      },
      file: `
general_settings: { master_key: canary-file-key }
mcp_servers:
  a:
    url: https://canary-user:canary-pass@h/canary-path?key=canary-query
    auth_value: os.environ/CANARY
    static_headers: { X: canary-header }
  b: { command: node, args: [canary-args], env: { T: canary-env }, unknown: canary-unknown }
`,
    });
    const invalid = load({
      file: 'mcp_servers: { a: { url: canary-url, auth_type: canary-type, auth_value: [canary-list], env: canary-env, timeout: canary } }',
      env: { PORT: 'canary-port', DATABASE_URL: 'canary-db', PROXY_BASE_URL: 'canary-base', LOG_LEVEL: 'canary' },
    });
    expect(invalid.kind).toBe('invalid');
    for (const thing of [outcome, invalid]) {
      const printed = `${JSON.stringify(thing)}${inspect(thing, { depth: 20, showHidden: true })}${reportConfiguration(thing).output}`;
      expect(printed).not.toContain('canary');
    }
  });

  describe('--check', () => {
    it('answers 0 with the warnings, and 1 with every problem and its line', () => {
      const good = reportConfiguration(
        load({ argv: ['--check'], file: 'mcp_servers: { a: { url: http://h, auth_type: true_passthrough } }' }),
      );
      expect(good.code).toBe(0);
      expect(good.output).toContain(
        'config.yaml:1:36 mcp_servers.a.auth_type: auth_type true_passthrough is not supported by this version; the server is set aside',
      );
      expect(good.output).toContain('is valid: 1 server');
      const bad = reportConfiguration(load({ argv: ['--check'], file: 'mcp_servers: { a: {}, b: {} }' }));
      expect(bad.code).toBe(1);
      expect(bad.output).toContain('2 errors');
    });
  });

  it('reads the file again when asked, and says what needs a restart', () => {
    const { source } = loaded({ file: 'mcp_servers: { a: { url: http://h } }' });
    writeFileSync(
      join(cwd, 'config.yaml'),
      'general_settings: { allowed_hosts: [x] }\nmcp_servers: { b: { url: http://h } }',
    );
    const again = source.read();
    expect(again).toMatchObject({
      ok: true,
      declared: { servers: [{ name: 'b' }] },
      problems: [{ field: 'general_settings' }],
    });
    writeFileSync(join(cwd, 'config.yaml'), 'mcp_servers: { b: {} }');
    expect(source.read()).toMatchObject({ ok: false, problems: [{ line: 1, field: 'mcp_servers.b.url' }] });
    rmSync(join(cwd, 'config.yaml'));
    expect(source.read()).toMatchObject({ ok: false, problems: [{ message: 'does not exist' }] });
  });
});
