import { join } from 'node:path';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { packageLaw } from './test/lint/package-law.mjs';

/*
 * The import law (docs/00-map.md). The five folders of src are rings; imports point inward only, so a path tells what a
 * file may touch. Within a ring a room sees itself and the rooms named here.
 */
// Every room is handed its slice of the settings: their types and injection tokens are the one thing platform shares.
const SETTINGS = ['config/settings.ts', 'config/tokens.ts'];
const RINGS = {
  core: { model: [], protocol: ['model'], errors: ['model'], definition: ['model'], access: ['model'] },
  platform: { config: [], database: SETTINGS, crypto: SETTINGS, http: SETTINGS, telemetry: SETTINGS },
  state: { registry: [], identity: [], usage: [], sealing: [], signing: [] },
  engine: { upstream: [], catalog: ['upstream'], session: ['upstream'], hook: [] },
  // Who may enter the control plane is decided in one place for all of its rooms; so are Host, and what a path means.
  edge: {
    gateway: [],
    oauth: ['admin/auth', 'gateway/host-guard.ts', 'gateway/route.ts'],
    admin: [],
    health: ['admin/auth'],
  },
};

const COMPOSITION_ROOT = ['./src/main.ts', './src/bootstrap.ts', './src/app.module.ts'];

function importZones() {
  const rings = Object.keys(RINGS);
  const zones = rings.flatMap((ring, index) => {
    const outer = rings.slice(index + 1).map((name) => `./src/${name}`);
    const outward = {
      target: `./src/${ring}`,
      from: [...outer, ...COMPOSITION_ROOT],
      message: `Imports point inward: ${rings.join(' < ')}.`,
    };
    const sideways = Object.entries(RINGS[ring]).map(([room, visible]) => ({
      target: `./src/${ring}/${room}`,
      from: `./src/${ring}`,
      except: [room, ...visible].map((name) => `./${name}`),
      message: `${ring}/${room} may import, of its own ring, only ${[room, ...visible].join(' and ')}.`,
    }));
    return [outward, ...sideways];
  });
  return [
    ...zones,
    {
      target: './src/engine/upstream/credential',
      from: './src/state/identity',
      message:
        'Who calls us and how we introduce ourselves upstream never meet; a token crosses as a field of the call.',
    },
    {
      target: './src/edge/admin',
      from: './src/engine/upstream',
      except: ['./probe.ts', './probe.module.ts'],
      message: 'Admin reaches upstreams only through engine/upstream/probe.',
    },
  ];
}

/** Packages that few rooms may touch, so that an upgrade of one has few places to look at. */
const PACKAGE_LAWS = [
  {
    packages: ['@prisma/*', 'pg', '**/database/generated/**'],
    allowed: [
      'src/platform/database/**',
      'src/**/*.store.ts',
      'src/**/*.source.ts',
      'src/edge/admin/**/*.service.ts',
      'test/**',
      'prisma.config.ts',
    ],
    message: 'The database is spoken to in platform/database, *.store.ts, *.source.ts and admin services.',
  },
  {
    packages: ['@modelcontextprotocol/*'],
    allowed: [
      'src/core/protocol/**',
      'src/engine/upstream/**',
      'src/engine/session/**',
      'src/edge/oauth/**',
      'test/**',
    ],
    message: 'The MCP SDK is used in core/protocol, engine/upstream, engine/session and edge/oauth.',
  },
  {
    packages: ['express', 'express-serve-static-core'],
    allowed: ['src/bootstrap.ts', 'src/edge/admin/**', 'src/edge/oauth/**', 'src/edge/health/**', 'test/**'],
    message: "The gateway door speaks node:http's types; Express belongs to the control plane.",
  },
  {
    packages: [
      '@nestjs/*',
      'undici',
      'pino',
      'prom-client',
      'node:fs',
      'node:fs/*',
      'node:child_process',
      'node:net',
      'node:timers',
      'node:timers/*',
    ],
    allowed: ['src/!(core)/**', 'src/*.ts', 'src/core/**/*.spec.ts', 'test/**', '*.ts'],
    message: 'Core is pure: no framework, no files, no sockets, no clock.',
  },
];

const NO_FORWARD_REF = {
  selector: "Identifier[name='forwardRef']",
  message: 'A circular dependency is a missing third room: break the circle.',
};
const NO_EXPORT_ALL = { selector: 'ExportAllDeclaration', message: 'No barrels: import the file you mean.' };
const NO_DEFAULT_EXPORT = { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' };
const NO_ENVIRONMENT = [
  {
    selector: "MemberExpression[object.name='process'][property.name='env']",
    message: 'The environment is read in platform/config; everything else is given its settings.',
  },
  {
    selector: "ImportDeclaration[source.value=/^(node:)?process$/] ImportSpecifier[imported.name='env']",
    message: 'The environment is read in platform/config; everything else is given its settings.',
  },
];
const NO_CLOCK = [
  {
    selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    message: 'Core has no clock: take the time as a parameter.',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'Core has no clock: take the time as a parameter.',
  },
  {
    selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
    message: 'Core has no chance: take it as a parameter.',
  },
];
const SHAPE = [NO_FORWARD_REF, NO_EXPORT_ALL, NO_DEFAULT_EXPORT];

/** The whole configuration for a tree laid out like this repository; `test/lint` runs it on a tree that must fail. */
export function configFor(root) {
  return tseslint.config(
    {
      ignores: [
        'dist/**',
        'data/**',
        'coverage/**',
        'node_modules/**',
        'src/platform/database/generated/**',
        'test/lint/fixture/**',
      ],
    },
    { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
    {
      files: ['**/*.ts'],
      extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
      languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
      plugins: { 'import-x': importX, house: { rules: { 'package-law': packageLaw } } },
      settings: {
        'import-x/resolver-next': [createTypeScriptImportResolver({ project: join(root, 'tsconfig.json') })],
      },
      rules: {
        'import-x/no-restricted-paths': ['error', { basePath: root, zones: importZones() }],
        'house/package-law': ['error', { root, laws: PACKAGE_LAWS }],

        // The compiler keeps what decorators need as values (`emitDecoratorMetadata`); the rule knows.
        '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
        '@typescript-eslint/no-explicit-any': 'error',
        '@typescript-eslint/no-non-null-assertion': 'error',
        '@typescript-eslint/no-floating-promises': 'error',
        // Deprecated only to stand out; a company's provider may be on plain http in its own network.
        '@typescript-eslint/no-deprecated': [
          'error',
          { allow: [{ from: 'package', name: 'allowInsecureRequests', package: 'openid-client' }] },
        ],
        '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { inheritedMethods: false } }],
        '@typescript-eslint/switch-exhaustiveness-check': [
          'error',
          { requireDefaultForNonUnion: true, considerDefaultExhaustiveForUnions: true },
        ],
        '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
        '@typescript-eslint/no-unused-vars': [
          'error',
          { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
        ],
        // Nest modules are classes that only carry a decorator.
        '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
        '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
        // `return respond(…)` ends a case in one line, and `Promise.withResolvers<void>()` is what it is.
        '@typescript-eslint/no-confusing-void-expression': 'off',
        '@typescript-eslint/no-invalid-void-type': 'off',
        // Headers are records by name.
        '@typescript-eslint/no-dynamic-delete': 'off',
        // Options and messages are handed over as plain objects of the right shape.
        '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
        // An interface's promise may be kept without waiting.
        '@typescript-eslint/require-await': 'off',
        '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: true }],
        '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
        eqeqeq: ['error', 'always'],
        'no-empty': ['error', { allowEmptyCatch: false }],
        'no-console': 'error',
        'no-restricted-syntax': ['error', ...SHAPE, ...NO_ENVIRONMENT],
      },
    },
    {
      files: ['src/core/**/*.ts'],
      ignores: ['**/*.spec.ts'],
      rules: { 'no-restricted-syntax': ['error', ...SHAPE, ...NO_ENVIRONMENT, ...NO_CLOCK] },
    },
    { files: ['src/platform/config/**/*.ts'], rules: { 'no-restricted-syntax': ['error', ...SHAPE] } },
    { files: ['src/main.ts'], rules: { 'no-restricted-syntax': ['error', ...SHAPE], 'no-console': 'off' } },
    {
      files: ['test/**/*.ts', '**/*.spec.ts', 'prisma.config.ts'],
      rules: {
        'no-restricted-syntax': ['error', NO_FORWARD_REF, NO_EXPORT_ALL],
        // Answers off the wire are looked at member by member, and jest's matchers are typed `any`.
        '@typescript-eslint/no-unsafe-argument': 'off',
        '@typescript-eslint/no-unsafe-assignment': 'off',
        '@typescript-eslint/no-unsafe-member-access': 'off',
        '@typescript-eslint/no-unsafe-call': 'off',
        '@typescript-eslint/no-unsafe-return': 'off',
        '@typescript-eslint/unbound-method': 'off',
        // Old transports are deprecated and in daily use: they are what is tested.
        '@typescript-eslint/no-deprecated': 'off',
      },
    },
    { files: ['test/bench/**/*.ts'], rules: { 'no-console': 'off' } },
    {
      files: ['src/**/index.ts', 'test/**/index.ts'],
      rules: {
        'no-restricted-syntax': ['error', { selector: 'Program', message: 'No index.ts: import the file you mean.' }],
      },
    },
  );
}

export default configFor(import.meta.dirname);
