import { existsSync } from 'node:fs';

const globalSetup = './test/harness/global-setup.ts';
const globalTeardown = './test/harness/global-teardown.ts';
const exists = (path) => existsSync(new URL(path, import.meta.url));

// `.swcrc` is the builder's: it leaves spec files out. The same transform is named here for tests.
const swc = {
  swcrc: false,
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
    target: 'es2024',
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/data/'],
  watchPathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/data/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  // Relative imports name the file Node will load (`./x.js`); before the build there is only `./x.ts`.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  setupFilesAfterEnv: exists('./test/harness/network-guard.mjs') ? ['<rootDir>/test/harness/network-guard.mjs'] : [],
  ...(exists(globalSetup) ? { globalSetup: `<rootDir>/${globalSetup.slice(2)}` } : {}),
  ...(exists(globalTeardown) ? { globalTeardown: `<rootDir>/${globalTeardown.slice(2)}` } : {}),
  testTimeout: 30_000,
  // Tests start gateways, servers and children of their own: more workers than cores only make each of them late.
  maxWorkers: 2,
  // A worker keeps every module of every file it ran (ESM modules are never collected): start anew before that hurts.
  workerIdleMemoryLimit: '1GB',
  errorOnDeprecated: true,
  restoreMocks: true,
  injectGlobals: true,
  reporters: ['default', '<rootDir>/test/harness/closing-line-reporter.mjs'],
};
