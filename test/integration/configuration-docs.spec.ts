import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { DefinitionClass } from '../../src/core/definition/field-decorators.js';
import { GeneralSettingsDefinition, StdioDefinition } from '../../src/core/definition/general-settings.definition.js';
import { JwtIssuerDefinition } from '../../src/core/definition/jwt-issuer.definition.js';
import { LIMIT_FIELDS, LimitsDefinition } from '../../src/core/definition/limits.definition.js';
import {
  LitellmSettingsDefinition,
  SemanticToolFilterDefinition,
  ToolSearchDefinition,
} from '../../src/core/definition/litellm-settings.definition.js';
import { LitellmJwtAuthDefinition } from '../../src/core/definition/litellm-jwtauth.definition.js';
import { McpInfoDefinition, McpServerCostInfoDefinition } from '../../src/core/definition/mcp-info.definition.js';
import { AUTH_TYPES, ServerDefinition } from '../../src/core/definition/server.definition.js';
import { VARIABLES_WITHOUT_EFFECT } from '../../src/core/definition/settings-without-effect.js';
import { fieldNames } from '../../src/core/definition/validate-definition.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { loadConfiguration } from '../../src/platform/config/load-configuration.js';

const ROOT = join(import.meta.dirname, '../..');
const docs = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
const missing = (names: readonly string[]) => names.filter((name) => !docs.includes(`\`${name}\``));

describe('docs/configuration.md', () => {
  it.each<[string, DefinitionClass]>([
    ['a server', ServerDefinition],
    ['mcp_info', McpInfoDefinition],
    ['mcp_server_cost_info', McpServerCostInfoDefinition],
    ['general_settings', GeneralSettingsDefinition],
    ['jwt_auth', JwtIssuerDefinition],
    ['litellm_jwtauth', LitellmJwtAuthDefinition],
    ['limits', LimitsDefinition],
    ['stdio', StdioDefinition],
    ['litellm_settings', LitellmSettingsDefinition],
    ['mcp_semantic_tool_filter', SemanticToolFilterDefinition],
    ['mcp_tool_search', ToolSearchDefinition],
  ])('explains every field of %s', (_, type) => {
    expect(missing(fieldNames(type))).toEqual([]);
  });

  it('explains every auth_type', () => {
    expect(missing(AUTH_TYPES)).toEqual([]);
  });

  it('explains every variable that is read', () => {
    const folder = join(ROOT, 'src/platform/config');
    const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
    const read = sources.flatMap((name) =>
      [...readFileSync(join(folder, name), 'utf8').matchAll(/(?:reader\.\w+\(|_VARIABLE = )'([A-Z][A-Z0-9_]+)'/g)].map(
        ([, variable = '']) => variable,
      ),
    );
    expect(read.length).toBeGreaterThan(12);
    expect(missing([...new Set(read)])).toEqual([]);
  });

  it('names every variable that has no effect', () => {
    expect(missing(Object.keys(VARIABLES_WITHOUT_EFFECT))).toEqual([]);
  });

  it('states the limits that are in force', () => {
    for (const [name, [field, unit]] of Object.entries(LIMIT_FIELDS)) {
      const stated = new RegExp(`^\\| \`${field}\` *\\| (\\d+) *\\| (\\w+) *\\|`, 'm').exec(docs);
      expect([field, Number(stated?.[1]) * unit]).toEqual([field, DEFAULT_LIMITS[name as keyof typeof DEFAULT_LIMITS]]);
      if (unit === 1000) expect([field, stated?.[2]]).toEqual([field, 'seconds']);
    }
  });

  it('shows an example that loads without a word', () => {
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(docs) ?? [];
    const cwd = mkdtempSync(join(tmpdir(), 'gatehouse-docs-'));
    try {
      writeFileSync(join(cwd, 'config.yaml'), example);
      const outcome = loadConfiguration({ argv: [], env: { GITHUB_TOKEN: 'token' }, cwd });
      expect(outcome).toMatchObject({ kind: 'loaded', problems: [] });
      expect(Object.keys((parse(example) as { mcp_servers: object }).mcp_servers)).toHaveLength(3);
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  });
});
