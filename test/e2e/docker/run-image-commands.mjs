/**
 * Does what an engine would do with the Dockerfile, without an engine: copies what the build context holds, runs every
 * RUN in a folder that stands for the image, then starts CMD as somebody who is not root, asks HEALTHCHECK, makes a
 * call through the gateway and stops it as `docker stop` would. The base image is taken to be the Node that runs this.
 *
 *   --reuse-packages   copy node_modules, installed here from the same lock file, where the Dockerfile says `npm ci`
 *
 * Not seen this way: the base image itself and whatever the system around it lacks.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, matchesGlob } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DockerfileParser } from 'dockerfile-ast';
import { withMigratedDatabase } from '../../../scripts/scratch-database.mjs';

const ROOT = join(import.meta.dirname, '../../..');
const KEY = 'sk-image-0123456789abcdef0123456789';
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const run = promisify(execFile);

function say(line) {
  process.stderr.write(`image: ${line}\n`);
}

/** Files of the build context: what git knows, less `.dockerignore`. */
async function contextFiles() {
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024,
  });
  const ignored = (await readFile(join(ROOT, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => line.trim() !== '');
  const isIgnored = (file) =>
    ignored.some((pattern) => matchesGlob(file, pattern) || matchesGlob(file, `${pattern}/**`));
  return stdout.split('\0').filter((file) => file !== '' && !isIgnored(file));
}

/** A stage being built: a folder that stands for its file system, where it works, and its environment. */
class Stage {
  workdir = '/';
  env = {};
  user = 'root';
  command = [];
  healthcheck = [];

  constructor(root) {
    this.root = root;
  }

  /** Where a path of the image is. */
  at(path) {
    return join(this.root, path.startsWith('/') ? path : join(this.workdir, path));
  }

  /** Arguments and variables that are paths of the image, as paths of this machine. */
  located(text) {
    return text.replace(/^\/app(?=\/|$)/, join(this.root, 'app'));
  }

  environment() {
    const own = Object.fromEntries(Object.entries(this.env).map(([name, value]) => [name, this.located(value)]));
    return { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, HOME: tmpdir(), ...own };
  }
}

function jsonArguments(instruction) {
  const text = instruction.getArgumentsContent() ?? instruction.getRawArgumentsContent();
  return JSON.parse(text.slice(text.indexOf('[')));
}

async function copy(instruction, stage, stages) {
  const flags = Object.fromEntries(instruction.getFlags().map((flag) => [flag.getName(), flag.getValue()]));
  const paths = instruction.getArguments().map((argument) => argument.getValue());
  const target = paths.pop();
  const into = stage.at(target);
  for (const source of paths) {
    if (flags.from !== undefined) {
      const from = stages.get(flags.from).at(source);
      const to = target.endsWith('/') ? join(into, basename(source)) : into;
      await cp(from, to, { recursive: true, verbatimSymlinks: true });
      if (flags.chown !== undefined && isRoot) await chownTree(to);
      continue;
    }
    const files = (await contextFiles()).filter(
      (file) => source === '.' || file === source || file.startsWith(`${source}/`),
    );
    if (files.length === 0) throw new Error(`COPY ${source}: the context holds no such file`);
    for (const file of files) {
      const to = source === '.' ? join(into, file) : join(into, target.endsWith('/') ? basename(file) : '');
      await mkdir(dirname(to), { recursive: true });
      await cp(join(ROOT, file), to);
    }
  }
}

async function chownTree(path) {
  await chown(path, NOBODY, NOBODY);
  for (const entry of await readdir(path, { recursive: true })) await chown(join(path, entry), NOBODY, NOBODY);
}

async function build(folder) {
  const dockerfile = DockerfileParser.parse(await readFile(join(ROOT, 'Dockerfile'), 'utf8'));
  const stages = new Map();
  let stage;
  for (const instruction of dockerfile.getInstructions()) {
    const keyword = instruction.getKeyword();
    const content = instruction.getArgumentsContent() ?? '';
    switch (keyword) {
      case 'FROM': {
        const name = instruction.getBuildStage() ?? 'final';
        stage = new Stage(join(folder, name));
        await mkdir(stage.root, { recursive: true });
        await chmod(stage.root, 0o755);
        stages.set(name, stage);
        break;
      }
      case 'WORKDIR':
        stage.workdir = join(stage.workdir, content);
        await mkdir(stage.at('.'), { recursive: true });
        break;
      case 'ENV':
        for (const property of instruction.getProperties()) stage.env[property.getName()] = property.getValue();
        break;
      case 'COPY':
        await copy(instruction, stage, stages);
        break;
      case 'RUN': {
        if (content === 'npm ci' && process.argv.includes('--reuse-packages')) {
          say('RUN npm ci (packages copied)');
          await run('cp', ['-R', join(ROOT, 'node_modules'), stage.at('node_modules')]);
          break;
        }
        say(`RUN ${content}`);
        const child = spawn('sh', ['-c', content], {
          cwd: stage.at('.'),
          // Proxies, certificates and caches of this machine: what an engine passes as build arguments.
          env: { ...process.env, ...stage.environment(), HOME: process.env.HOME },
          stdio: ['ignore', 2, 2],
        });
        const [code] = await once(child, 'exit');
        if (code !== 0) throw new Error(`RUN ${content} ended with ${code}`);
        break;
      }
      case 'USER':
        stage.user = content;
        break;
      case 'HEALTHCHECK':
        stage.healthcheck = jsonArguments(instruction);
        break;
      case 'CMD':
        stage.command = jsonArguments(instruction);
        break;
      case 'EXPOSE':
      case 'VOLUME':
        break;
      default:
        throw new Error(`${keyword} is not known here; teach it what that does`);
    }
  }
  return stages.get('final');
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

async function serve(image, databaseUrl) {
  if (image.user === 'root' || image.user === '0') throw new Error('the image runs as root');
  const port = await freePort();
  const env = { ...image.environment(), PORT: String(port), DATABASE_URL: databaseUrl, LITELLM_MASTER_KEY: KEY };
  const somebody = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const start = ([program, ...args], stdio) =>
    spawn(
      program,
      args.map((argument) => image.located(argument)),
      { cwd: image.at('.'), env, stdio, ...somebody },
    );

  say(`CMD ${image.command.join(' ')}`);
  const gateway = start(image.command, ['ignore', 2, 2]);
  const exited = once(gateway, 'exit');
  try {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const [code] = await once(start(image.healthcheck, 'ignore'), 'exit');
      if (code === 0) break;
      if (gateway.exitCode !== null || Date.now() > deadline) throw new Error('HEALTHCHECK does not become healthy');
      await delay(200);
    }
    say('HEALTHCHECK healthy');
    const response = await fetch(`http://127.0.0.1:${port}/mcp/everything`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-litellm-api-key': `Bearer ${KEY}` },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"image"}}}',
    });
    const answer = await response.text();
    if (!answer.includes('Echo: image')) throw new Error(`the call answered ${response.status}: ${answer}`);
    say('a call went through');
  } finally {
    gateway.kill('SIGTERM');
    const [code] = await exited;
    if (code !== 0) say(`the gateway left with ${code}`);
    process.exitCode = code === 0 ? 0 : 1;
  }
}

// Not under a folder that only root may enter: the gateway runs as somebody else.
const folder = await mkdtemp(join(tmpdir(), 'gatehouse-image-'));
await chmod(folder, 0o755);
try {
  const image = await build(folder);
  await withMigratedDatabase((url) => serve(image, url));
} finally {
  await rm(folder, { recursive: true, force: true });
}
