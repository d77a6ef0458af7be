import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** The content of a `config.yaml`: as an object, or as text where its exact form matters. */
export type ConfigContent = string | Readonly<Record<string, unknown>>;

/** A working directory of one gateway, with its `config.yaml`. */
export interface GatewayFolder {
  readonly path: string;
  readonly configPath: string;
  /** Replaces the file, as an editor saving it does. */
  writeConfig(content: ConfigContent): Promise<void>;
  remove(): Promise<void>;
}

export async function createGatewayFolder(content: ConfigContent = {}): Promise<GatewayFolder> {
  const path = await mkdtemp(join(tmpdir(), 'gatehouse-test-'));
  const configPath = join(path, 'config.yaml');
  const writeConfig = (next: ConfigContent) => writeFile(configPath, typeof next === 'string' ? next : stringify(next));
  await writeConfig(content);
  return { path, configPath, writeConfig, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}
