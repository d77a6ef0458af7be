import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ESLint } from 'eslint';

const FIXTURE = join(import.meta.dirname, 'fixture');

/** What must be reported in each file of the fixture; a file that is not named here must be clean. */
const VIOLATIONS: Readonly<Record<string, readonly string[]>> = {
  'core/access/imports-outer-ring.ts': ['import-x/no-restricted-paths'],
  'core/access/imports-sibling-room.ts': ['import-x/no-restricted-paths'],
  'core/access/imports-framework.ts': ['house/package-law'],
  'core/access/reads-clock.ts': ['no-restricted-syntax'],
  'platform/http/imports-state.ts': ['import-x/no-restricted-paths'],
  'platform/http/imports-config-loader.ts': ['import-x/no-restricted-paths'],
  'platform/http/reads-environment.ts': ['no-restricted-syntax'],
  'state/registry/imports-identity.ts': ['import-x/no-restricted-paths'],
  'state/registry/imports-engine-type.ts': ['import-x/no-restricted-paths'],
  'state/registry/imports-database.ts': ['house/package-law'],
  'engine/upstream/imports-edge-lazily.ts': ['import-x/no-restricted-paths'],
  'engine/upstream/imports-catalog.ts': ['import-x/no-restricted-paths'],
  'engine/upstream/credential/imports-identity.ts': ['import-x/no-restricted-paths'],
  'engine/catalog/imports-session.ts': ['import-x/no-restricted-paths'],
  'engine/catalog/imports-mcp-sdk.ts': ['house/package-law'],
  'edge/admin/server/imports-gateway.ts': ['import-x/no-restricted-paths'],
  'edge/admin/server/imports-pool.ts': ['import-x/no-restricted-paths'],
  'edge/gateway/imports-admin.ts': ['import-x/no-restricted-paths'],
  'edge/gateway/imports-express.ts': ['house/package-law'],
  'edge/health/index.ts': ['import-x/no-restricted-paths', 'no-restricted-syntax'],
  'edge/health/uses-forward-ref.ts': ['no-restricted-syntax'],
  'edge/health/re-exports-all.ts': ['no-restricted-syntax'],
  'edge/health/prints.ts': ['no-console'],
  'edge/health/silences-lint.ts': ['no inline configuration', 'no-console'],
  'edge/health/uses-any.ts': ['@typescript-eslint/no-explicit-any'],
  'edge/health/asserts-non-null.ts': ['@typescript-eslint/no-non-null-assertion'],
  'edge/health/floats-promise.ts': ['@typescript-eslint/no-floating-promises'],
  'edge/health/misses-case.ts': ['@typescript-eslint/switch-exhaustiveness-check'],
  'edge/health/imports-type-as-value.ts': ['@typescript-eslint/consistent-type-imports'],
};

describe('the law of the house bites', () => {
  const reported = new Map<string, readonly string[]>();
  const files = readdirSync(join(FIXTURE, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort();

  beforeAll(async () => {
    const { configFor } = (await import(new URL('../../eslint.config.mjs', import.meta.url).href)) as {
      configFor: (root: string) => NonNullable<ESLint.Options['overrideConfig']>;
    };
    const eslint = new ESLint({ cwd: FIXTURE, overrideConfigFile: true, overrideConfig: configFor(FIXTURE) });
    for (const result of await eslint.lintFiles(['src'])) {
      const rules = result.messages.map((message) => message.ruleId ?? 'no inline configuration');
      reported.set(relative(join(FIXTURE, 'src'), result.filePath), [...new Set(rules)].sort());
    }
  }, 60_000);

  test.each(Object.entries(VIOLATIONS))('%s is reported', (file, rules) => {
    expect(reported.get(file)).toEqual(rules);
  });

  test.each(files.filter((file) => !(file in VIOLATIONS)))('%s is legal', (file) => {
    expect(reported.get(file)).toEqual([]);
  });
});
