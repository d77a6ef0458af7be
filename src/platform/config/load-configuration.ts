import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import type { DeclaredRegistry } from '../../core/definition/declared-server.js';
import { isSeparator } from '../../core/definition/server-name.js';
import { VARIABLES_WITHOUT_EFFECT } from '../../core/definition/settings-without-effect.js';
import { buildSettings } from './build-settings.js';
import { type CliFlags, parseCliArguments } from './cli-arguments.js';
import type { DeclaredOutcome, DeclaredSource } from './declared-source.js';
import type { Environment } from './expand-environment-references.js';
import { PROJECT_ROOT, readVersion } from './project-root.js';
import { hasErrors, type Problem } from './problem.js';
import { type ConfigFileContent, type ConfigFileInput, readConfigFile } from './read-config-file.js';
import { readEnvironment } from './read-environment.js';
import type { ConfigFileSettings, Settings } from './settings.js';
import { SettingsReader } from './settings-reader.js';

export interface ConfigurationInput {
  /** Without the executable and the script: `process.argv.slice(2)`. */
  readonly argv: readonly string[];
  /** `process.env`. */
  readonly env: Environment;
  readonly cwd: string;
  /** Standard output is a terminal: logs are for people. Default false. */
  readonly isTerminal?: boolean;
}

/** A valid configuration: what `bootstrap` starts from. */
export interface LoadedConfiguration {
  readonly kind: 'loaded';
  readonly settings: Settings;
  /** The servers at boot, the same as `source.initial.declared`. */
  readonly declared: DeclaredRegistry;
  /** The servers, and how to read them again. */
  readonly source: DeclaredSource;
  /** `--check` was given: report and leave. */
  readonly checkOnly: boolean;
  /** Warnings and notes, printable. The registry logs those of the file. */
  readonly problems: readonly Problem[];
}

export type ConfigurationOutcome =
  | LoadedConfiguration
  | { readonly kind: 'invalid'; readonly checkOnly: boolean; readonly problems: readonly Problem[] }
  /** Help, version, or wrong flags: print (to stderr when the code is not 0) and leave. */
  | { readonly kind: 'exit'; readonly code: 0 | 2; readonly output: string };

const EXAMPLE_FILE = 'config.example.yaml';
const SEPARATOR_VARIABLE = 'MCP_TOOL_PREFIX_SEPARATOR';

/**
 * Everything the gateway is told from outside, validated together (contract §§1–2): flags over environment over file
 * over defaults. Reads `.env` and the configuration file; opens nothing else.
 */
export function loadConfiguration(input: ConfigurationInput): ConfigurationOutcome {
  const cli = parseCliArguments(input.argv, readVersion());
  if (cli.kind === 'exit') return cli;
  const { flags } = cli;
  const { environment, problems: environmentProblems } = readEnvironment(input.env, input.cwd);
  const reader = new SettingsReader(environment);
  const config = chooseFile(flags, reader, input.cwd);
  const fileInput: ConfigFileInput = {
    path: config.path,
    displayName: shortest(config.path, input.cwd),
    environment,
    separator: readSeparator(reader),
  };
  const content = readConfigFile(fileInput);
  const settings = buildSettings({
    flags,
    reader,
    general: content.general,
    // A file that cannot be read says nothing of the master key; its own errors come first.
    config,
    workingDirectory: input.cwd,
    isTerminal: input.isTerminal ?? false,
  });
  for (const [variable, reason] of Object.entries(VARIABLES_WITHOUT_EFFECT)) {
    if (reader.text(variable) !== undefined) reader.warn(variable, reason);
  }
  const readerProblems =
    content.declared === undefined ? reader.problems.filter(isNotAboutMasterKey(content)) : reader.problems;
  const problems = [...environmentProblems, ...readerProblems, ...content.problems];
  const { declared } = content;
  if (declared === undefined || hasErrors(problems)) return { kind: 'invalid', checkOnly: flags.check, problems };
  const source = declaredSource(fileInput, content, declared, config);
  return { kind: 'loaded', settings, declared: source.initial.declared, source, checkOnly: flags.check, problems };
}

/** When the file's own master key could not be read, its absence is no news. */
function isNotAboutMasterKey(content: ConfigFileContent): (problem: Problem) => boolean {
  const unreadable =
    content.settingsFingerprint === '' || content.problems.some(({ field }) => field === 'general_settings.master_key');
  return ({ field }) => !(unreadable && field === 'LITELLM_MASTER_KEY');
}

/** Flag, else variable, else ./config.yaml, else the example that ships. */
function chooseFile(flags: CliFlags, reader: SettingsReader, cwd: string): ConfigFileSettings {
  const named = flags.config ?? reader.text('CONFIG_FILE_PATH');
  if (named !== undefined) return { path: resolve(cwd, named), isShippedExample: false };
  const own = resolve(cwd, 'config.yaml');
  if (existsSync(own)) return { path: own, isShippedExample: false };
  return { path: resolve(PROJECT_ROOT, EXAMPLE_FILE), isShippedExample: true };
}

function readSeparator(reader: SettingsReader): string {
  const separator = reader.text(SEPARATOR_VARIABLE) ?? '-';
  if (isSeparator(separator)) return separator;
  reader.fail(SEPARATOR_VARIABLE, 'must be 1 to 8 of the characters - _ . / :');
  return '-';
}

function declaredSource(
  input: ConfigFileInput,
  boot: ConfigFileContent,
  declared: DeclaredRegistry,
  config: ConfigFileSettings,
): DeclaredSource {
  const located = (registry: DeclaredRegistry): DeclaredRegistry =>
    config.isShippedExample ? withWorkingDirectory(registry, PROJECT_ROOT) : registry;
  const read = (): DeclaredOutcome => {
    const content = readConfigFile(input);
    if (content.declared === undefined) return { ok: false, problems: content.problems };
    return {
      ok: true,
      declared: located(content.declared),
      problems: [...content.problems, ...restartNotes(boot, content, input.displayName)],
    };
  };
  return {
    path: input.path,
    initial: { ok: true, declared: located(declared), problems: boot.problems },
    read,
  };
}

/** The example's commands and paths are relative to where it ships, wherever the gateway was started. */
function withWorkingDirectory(registry: DeclaredRegistry, folder: string): DeclaredRegistry {
  for (const { definition } of registry.servers) {
    if (definition.command !== undefined) definition.cwd ??= folder;
  }
  return registry;
}

function restartNotes(boot: ConfigFileContent, now: ConfigFileContent, file: string): readonly Problem[] {
  if (boot.settingsFingerprint === now.settingsFingerprint) return [];
  const message = 'changed; all of it but mcp_tool_prefix takes effect when the gateway is started again';
  return [{ severity: 'warning', file, field: 'general_settings', message }];
}

function shortest(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}
