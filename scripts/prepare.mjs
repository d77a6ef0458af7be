// Installs, generates and builds what is missing or stale, and says what it does, one line each. Plain Node 20 without
// any package: this runs before there are any.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const MODULES = join(ROOT, 'node_modules');
const BIN = join(MODULES, '.bin');

/** The Node the gateway runs on, brought by npm, whatever Node runs npm. */
export const NODE = join(MODULES, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

const INSTALL_STAMP = join(MODULES, '.gatehouse-install');
const GENERATED = join(ROOT, 'src', 'platform', 'database', 'generated');
const GENERATE_STAMP = join(GENERATED, '.stamp');
const DIST = join(ROOT, 'dist');
const BUILD_STAMP = join(DIST, '.stamp');

/** The environment of everything started from here: the pinned Node and the installed tools come first. */
export function environment(extra = {}) {
  const separator = process.platform === 'win32' ? ';' : ':';
  const path = (process.env.PATH ?? '').split(separator).filter((entry) => entry !== BIN);
  return { ...process.env, PATH: [BIN, ...path].join(separator), ...extra };
}

export function say(line) {
  process.stderr.write(`gatehouse: ${line}\n`);
}

/** @param {{ build?: boolean }} [options] */
export async function prepare({ build = true } = {}) {
  if (isReady(build)) return;
  await withLock(ROOT, say, async () => {
    await install();
    await generate();
    if (build) await compile();
  });
}

function isReady(build) {
  return isInstalled() && isGenerated() && (!build || isBuilt());
}

/** Anything that went wrong while preparing: one sentence, no stack. */
export class PreparationError extends Error {}

// --- packages

function isInstalled() {
  return existsSync(NODE) && read(INSTALL_STAMP) === installHash();
}

function installHash() {
  return hashOf([join(ROOT, 'package-lock.json')], [process.platform, process.arch]);
}

async function install() {
  if (isInstalled()) return;
  if (!(existsSync(NODE) && modulesMatchLock())) {
    say('installing packages (npm ci) …');
    const flags = ['--no-audit', '--no-fund', '--loglevel=error', '--include=dev', '--include=optional'];
    if ((await npm(['ci', ...flags])) !== 0) {
      throw new PreparationError('npm ci failed; its reason stands above');
    }
  }
  if (!existsSync(NODE)) await npm(['rebuild', 'node']);
  if (!existsSync(NODE)) {
    throw new PreparationError(
      'the package "node" did not bring its program: its install script was not run. Allow install scripts (ignore-scripts=false) and run npm ci',
    );
  }
  writeFileSync(INSTALL_STAMP, installHash());
}

/** Whether somebody already ran npm in here: what npm noted as installed is what the lock file asks for. */
function modulesMatchLock() {
  const wanted = packagesOf(join(ROOT, 'package-lock.json'));
  const installed = packagesOf(join(MODULES, '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    // Optional ones may be for other systems.
    if (found === undefined) return entry.optional === true || entry.devOptional === true;
    return found.version === entry.version;
  });
}

function packagesOf(path) {
  const text = read(path);
  return text === undefined ? undefined : JSON.parse(text).packages;
}

/** The npm that started us, run by the Node that runs it: ours may be replaced while it works. */
function npm(args) {
  const cli = process.env.npm_execpath;
  const isNpm = cli !== undefined && /npm-cli\.c?js$/.test(cli);
  return isNpm
    ? run(process.env.npm_node_execpath ?? process.execPath, [cli, ...args])
    : run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { shell: process.platform === 'win32' });
}

// --- database client

function isGenerated() {
  return existsSync(join(GENERATED, 'client.ts')) && read(GENERATE_STAMP) === generateHash();
}

function generateHash() {
  const packages = packagesOf(join(ROOT, 'package-lock.json')) ?? {};
  const versions = ['prisma', '@prisma/client'].map((name) => packages[`node_modules/${name}`]?.version ?? '');
  return hashOf([join(ROOT, 'prisma', 'schema.prisma'), join(ROOT, 'prisma.config.ts')], versions);
}

async function generate() {
  if (isGenerated()) return;
  say('generating the database client …');
  await tool('prisma', ['build', 'index.js'], ['generate'], { CI: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' });
  writeFileSync(GENERATE_STAMP, generateHash());
}

// --- build

function isBuilt() {
  return existsSync(join(DIST, 'main.js')) && read(BUILD_STAMP) === buildHash();
}

function buildHash() {
  const files = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', '.swcrc'].map((name) =>
    join(ROOT, name),
  );
  const packages = packagesOf(join(ROOT, 'package-lock.json')) ?? {};
  return hashOf([...files, ...sources(join(ROOT, 'src'))], [packages['node_modules/@swc/core']?.version ?? '']);
}

function sources(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

async function compile() {
  if (isBuilt()) return;
  say('building …');
  const hash = buildHash();
  await tool('@nestjs/cli', ['bin', 'nest.js'], ['build']);
  if (!existsSync(join(DIST, 'main.js'))) throw new PreparationError('the build left no dist/main.js');
  writeFileSync(BUILD_STAMP, hash);
}

// ---

/** Runs a tool of node_modules on the pinned Node; its output is shown only when it fails. */
async function tool(packageName, path, args, extra = {}) {
  const script = join(MODULES, packageName, ...path);
  const output = [];
  const code = await run(
    NODE,
    [script, ...args],
    { env: environment(extra), stdio: ['ignore', 'pipe', 'pipe'] },
    (text) => output.push(text),
  );
  if (code === 0) return;
  process.stderr.write(output.join(''));
  throw new PreparationError(`${packageName} ${args.join(' ')} failed; its reason stands above`);
}

function run(command, args, options = {}, onOutput = undefined) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2], ...options });
    if (onOutput !== undefined) {
      child.stdout.setEncoding('utf8').on('data', onOutput);
      child.stderr.setEncoding('utf8').on('data', onOutput);
    }
    child.once('error', (error) => reject(new PreparationError(`${command} cannot be run: ${error.message}`)));
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function hashOf(paths, texts) {
  const hash = createHash('sha256');
  for (const path of paths) {
    const text = read(path);
    hash.update(`${path.slice(ROOT.length)}\0${text ?? '-'}\0`);
  }
  return hash.update(texts.join('\0')).digest('hex');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Missing counts as empty: it is about to be made.
    return undefined;
  }
}

/** Runs a script's work and turns a failed preparation into one line and exit code 1. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

/** Whether this module is what Node was asked to run. */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(url));
}

if (isMain(import.meta.url)) await main(() => prepare({ build: false }));
