import { readFileSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { DeclaredRegistry } from '../../core/definition/declared-server.js';
import { declareServers } from '../../core/definition/declare-servers.js';
import { isRecord } from '../../core/definition/field-checks.js';
import type { FieldProblem } from '../../core/definition/field-problem.js';
import { GeneralSettingsDefinition } from '../../core/definition/general-settings.definition.js';
import { checkGeneralSettingsRules } from '../../core/definition/general-settings-rules.js';
import { litellmSettingsWithoutEffect } from '../../core/definition/settings-without-effect.js';
import { LitellmSettingsDefinition } from '../../core/definition/litellm-settings.definition.js';
import { checkTopLevel, readSection, withoutRepeats } from './config-sections.js';
import { errorCode } from './error-code.js';
import { type Environment, expandEnvironmentReferences } from './expand-environment-references.js';
import { formatPath, inFileOrder } from './format-problems.js';
import { hasErrors, type Problem } from './problem.js';
import { identityHeaderOfGuardrails } from './signer-guardrail.js';
import { readYaml, type Position } from './yaml-document.js';

export interface ConfigFileInput {
  /** Absolute. */
  readonly path: string;
  /** What the file is called in problems. */
  readonly displayName: string;
  readonly environment: Environment;
  /** Between prefix and tool name; `MCP_TOOL_PREFIX_SEPARATOR`. */
  readonly separator: string;
}

/** What a file says. `declared` is there when no problem is an error. */
export interface ConfigFileContent {
  readonly general: GeneralSettingsDefinition;
  readonly declared: DeclaredRegistry | undefined;
  readonly problems: readonly Problem[];
  /** Changes with the text of `general_settings`, which is read once at boot; reversible by nobody. */
  readonly settingsFingerprint: string;
}

const FILE_BYTES_MAX = 8 * 1024 * 1024;

/** Reads and validates the configuration file: every problem at once, each with line, column and field. */
export function readConfigFile(input: ConfigFileInput): ConfigFileContent {
  const text = readText(input.path);
  if (typeof text !== 'string') return failed([{ severity: 'error', file: input.displayName, message: text.fault }]);
  const yaml = readYaml(text);
  if (!yaml.ok) return failed(yaml.problems.map((problem) => placed(problem, input.displayName, problem.position)));

  const { document } = yaml;
  const root = document.root ?? {};
  const place = (problem: FieldProblem): Problem => placed(problem, input.displayName, document.locate(problem.path));
  if (!isRecord(root)) {
    return failed([place({ path: [], message: 'must be a mapping with mcp_servers and settings', severity: 'error' })]);
  }
  const general = readSection(GeneralSettingsDefinition, 'general_settings', root, input.environment);
  general.value.identity_header ??= identityHeaderOfGuardrails(root['guardrails']);
  const litellm = readSection(LitellmSettingsDefinition, 'litellm_settings', root, input.environment);
  const written = expandEnvironmentReferences(root['mcp_servers'], input.environment, ['mcp_servers']);
  const aliasesAreValid = !litellm.problems.some(
    ({ path, severity }) => path[1] === 'mcp_aliases' && severity === 'error',
  );
  const { servers, problems } = declareServers({
    servers: written.value,
    aliases: (aliasesAreValid ? litellm.value.mcp_aliases : undefined) ?? {},
    separator: input.separator,
    origin: 'file',
  });
  const generalRules = hasErrors(general.problems) ? [] : checkGeneralSettingsRules(general.value);
  const litellmRules = hasErrors(litellm.problems) ? [] : litellmSettingsWithoutEffect(litellm.value);
  const all = [
    ...checkTopLevel(root),
    ...general.problems,
    ...generalRules.map((problem) => ({ ...problem, path: ['general_settings', ...problem.path] })),
    ...litellm.problems,
    ...litellmRules.map((problem) => ({ ...problem, path: ['litellm_settings', ...problem.path] })),
    ...written.problems,
    ...withoutRepeats(problems, written.problems),
  ];
  return {
    general: general.value,
    declared: hasErrors(all)
      ? undefined
      : {
          servers,
          separator: input.separator,
          prefixMode: general.value.mcp_tool_prefix ?? 'always',
          publicServers: litellm.value.public_mcp_servers ?? [],
        },
    problems: inFileOrder(all.map(place)),
    settingsFingerprint: fingerprint(root['general_settings']),
  };
}

function readText(path: string): string | { readonly fault: string } {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { fault: 'is a folder, not a file' };
    if (stat.size > FILE_BYTES_MAX) return { fault: `is larger than ${FILE_BYTES_MAX / 1024 / 1024} MiB` };
    const bytes = readFileSync(path);
    return isUtf8(bytes) ? bytes.toString('utf8') : { fault: 'is not UTF-8 text' };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return { fault: 'does not exist' };
    return {
      fault: code === 'EACCES' ? 'cannot be read: permission denied' : `cannot be read (${code ?? 'unknown error'})`,
    };
  }
}

function failed(problems: readonly Problem[]): ConfigFileContent {
  return { general: new GeneralSettingsDefinition(), declared: undefined, problems, settingsFingerprint: '' };
}

function placed({ path, message, severity }: FieldProblem, file: string, { line, column }: Position): Problem {
  return { severity, file, line, column, field: formatPath(path), message };
}

function fingerprint(section: unknown): string {
  const text = JSON.stringify(section) as string | undefined;
  return createHash('sha256')
    .update(text ?? '')
    .digest('hex');
}
