import { bootstrap } from '../../src/bootstrap.js';
import { loadConfiguration } from '../../src/platform/config/load-configuration.js';
import type { Settings } from '../../src/platform/config/settings.js';
import { type ConfigContent, createGatewayFolder } from './config-file.js';
import { testPostgres } from './postgres.js';
import { TEST_MASTER_KEY } from './test-master-key.js';

/** Slices of the settings, each merged into what the configuration says. */
export type SettingsOverrides = { readonly [Slice in keyof Settings]?: Partial<Settings[Slice]> };

export interface StartGatewayOptions {
  readonly config?: ConfigContent;
  readonly settings?: SettingsOverrides;
  /** A database to share with another gateway; absent: one of its own, fresh and migrated. */
  readonly databaseUrl?: string;
  /** Over the test's own: a master key and `LOG_LEVEL=debug`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A whole gateway in this process, on a free port. */
export interface TestGateway {
  readonly url: string;
  /** The master key. */
  readonly key: string;
  readonly databaseUrl: string;
  readonly configPath: string;
  /** Saves the configuration file; the gateway notices by itself. */
  writeConfig(content: ConfigContent): Promise<void>;
  /** Every log line so far. */
  logs(): string;
  /** `GET /metrics`, as text. */
  metrics(): Promise<string>;
  close(): Promise<void>;
}

/** Starts a gateway the way `main` does, with the door on a real socket and a real database. */
export async function startGateway(options: StartGatewayOptions = {}): Promise<TestGateway> {
  const folder = await createGatewayFolder(options.config ?? {});
  const database = options.databaseUrl === undefined ? await testPostgres() : undefined;
  const databaseUrl = options.databaseUrl ?? database?.url.reveal() ?? '';
  const cleanUp = async () => {
    await database?.drop();
    await folder.remove();
  };
  try {
    const outcome = loadConfiguration({
      argv: ['--config', folder.configPath, '--port', '0'],
      env: { LITELLM_MASTER_KEY: TEST_MASTER_KEY, DATABASE_URL: databaseUrl, LOG_LEVEL: 'debug', ...options.env },
      cwd: folder.path,
    });
    if (outcome.kind !== 'loaded') throw new Error(`The configuration was refused: ${JSON.stringify(outcome)}`);
    const lines: string[] = [];
    const gateway = await bootstrap(
      { ...outcome, settings: override(outcome.settings, options.settings ?? {}) },
      { logSink: { write: (line) => void lines.push(line) } },
    );
    const key = outcome.settings.security.masterKey?.reveal() ?? '';
    return {
      url: gateway.url,
      key,
      databaseUrl,
      configPath: folder.configPath,
      writeConfig: (content) => folder.writeConfig(content),
      logs: () => lines.join(''),
      metrics: async () => (await fetch(`${gateway.url}/metrics`, { headers: { 'x-litellm-api-key': key } })).text(),
      async close() {
        await gateway.close();
        await cleanUp();
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

function override(settings: Settings, overrides: SettingsOverrides): Settings {
  const slices = Object.entries(settings).map(([slice, value]: [string, object]) => [
    slice,
    { ...value, ...overrides[slice as keyof Settings] },
  ]);
  return Object.fromEntries(slices) as Settings;
}
