import { closestName, suggestion } from '../../core/definition/closest-name.js';
import { isRecord } from '../../core/definition/field-checks.js';
import type { DefinitionClass } from '../../core/definition/field-decorators.js';
import { type FieldProblem, problemAt } from '../../core/definition/field-problem.js';
import { fieldNames, validateDefinition } from '../../core/definition/validate-definition.js';
import { type Environment, expandEnvironmentReferences } from './expand-environment-references.js';

/** The top-level keys that are read. */
export const SECTIONS = ['general_settings', 'litellm_settings', 'mcp_servers'] as const;

/** Further top-level keys of the incumbent's files: whoever brings a whole file need not cut it down. */
const FOREIGN_SECTIONS: ReadonlySet<string> = new Set([
  'agent_list',
  'agents',
  'assistant_settings',
  'callback_settings',
  'credential_list',
  'default_team_settings',
  'environment_variables',
  'files_settings',
  'finetune_settings',
  'guardrails',
  'mcp_tools',
  'model_list',
  'policies',
  'policy_attachments',
  'prompts',
  'router_settings',
  'search_tools',
  'skills',
  'vector_store_registry',
]);

/** Foreign keys that people might expect to matter for MCP, and why they do not. */
const REMARKS: Readonly<Record<string, string>> = {
  include: 'other files are not included: put mcp_servers into this file',
  mcp_tools: 'local tools with Python handlers are not run; offer them through an MCP server',
  environment_variables: 'does not set variables here: use the environment or a .env file',
};

/** What to say of the top level: misspelt keys, keys that are not ours, remarks. */
export function checkTopLevel(root: Readonly<Record<string, unknown>>): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const foreign: string[] = [];
  for (const key of Object.keys(root)) {
    // `x-…` holds anchors, as compose files do it.
    if ((SECTIONS as readonly string[]).includes(key) || key.startsWith('x-')) continue;
    const remark = Object.hasOwn(REMARKS, key) ? REMARKS[key] : undefined;
    if (remark !== undefined) problems.push(problemAt([key], remark, 'warning'));
    else if (FOREIGN_SECTIONS.has(key)) foreign.push(key);
    else problems.push(problemAt([key], `unknown top-level key, ignored${suggestion(key, SECTIONS)}`, 'warning'));
  }
  const [first] = foreign;
  if (first !== undefined)
    problems.push(problemAt([first], `not used by the MCP gateway: ${foreign.join(', ')}`, 'note'));
  return problems;
}

/**
 * Reads `general_settings` or `litellm_settings`: expands references in the fields that are known, validates those, and
 * sums up the others in one note, as such sections hold much that is not about MCP. Likely misspellings stay warnings.
 */
export function readSection<T extends object>(
  type: DefinitionClass<T>,
  name: string,
  root: Readonly<Record<string, unknown>>,
  environment: Environment,
): { readonly value: T; readonly problems: readonly FieldProblem[] } {
  const section = root[name];
  if (section === undefined || section === null) return { value: new type(), problems: [] };
  if (!isRecord(section)) {
    return { value: new type(), problems: [problemAt([name], 'must be a mapping (name: value)')] };
  }
  const known = fieldNames(type);
  const entries = Object.entries(section);
  const foreign = entries
    .map(([key]) => key)
    .filter((key) => !known.includes(key) && closestName(key, known) === undefined);
  const ours = Object.fromEntries(entries.filter(([key]) => !foreign.includes(key)));
  const expanded = expandEnvironmentReferences(ours, environment, [name]);
  const { value, problems } = validateDefinition(type, isRecord(expanded.value) ? expanded.value : {});
  const [first] = foreign;
  return {
    value,
    problems: [
      ...expanded.problems,
      ...withoutRepeats(
        problems.map((problem) => ({ ...problem, path: [name, ...problem.path] })),
        expanded.problems,
      ),
      ...(first === undefined
        ? []
        : [problemAt([name, first], `not used by the MCP gateway: ${foreign.join(', ')}`, 'note')]),
    ],
  };
}

/** Leaves out what is said of fields whose reference could not be resolved: that was the reason. */
export function withoutRepeats(
  problems: readonly FieldProblem[],
  unresolved: readonly FieldProblem[],
): readonly FieldProblem[] {
  const known = new Set(unresolved.map(({ path }) => JSON.stringify(path)));
  return problems.filter(({ path }) => !known.has(JSON.stringify(path)));
}
