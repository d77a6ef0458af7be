import { mkdtempSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../../../test/harness/wait-for.js';
import { type FileWatch, watchConfigFile } from './watch-config-file.js';

let folder: string;
let path: string;
let seen: string[];
let watch: FileWatch;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-watch-'));
  path = join(folder, 'config.yaml');
  seen = [];
});
afterEach(() => {
  watch.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(): void {
  watch = watchConfigFile(
    path,
    () => {
      try {
        seen.push(readFileSync(path, 'utf8'));
      } catch {
        seen.push('(gone)');
      }
    },
    { intervalMs: 30, settleMs: 60 },
  );
}

const see = (content: string) => waitFor(() => seen.at(-1) === content, { what: `"${content}" to be seen` });

describe('a watched file is seen when it', () => {
  it('is written, replaced by rename, removed, and there again', async () => {
    writeFileSync(path, 'one');
    start();
    writeFileSync(path, 'two');
    await see('two');
    writeFileSync(`${path}.new`, 'three');
    renameSync(`${path}.new`, path);
    await see('three');
    rmSync(path);
    await see('(gone)');
    writeFileSync(path, 'four');
    await see('four');
  });

  it('is a link below a folder that is turned to another, as mounted ConfigMaps do', async () => {
    for (const version of ['v1', 'v2']) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'config.yaml'), version);
    }
    symlinkSync('v1', join(folder, 'current'));
    symlinkSync('current/config.yaml', path);
    start();
    symlinkSync('v2', join(folder, 'next'));
    renameSync(join(folder, 'next'), join(folder, 'current'));
    await see('v2');
  });

  it('comes into being', async () => {
    start();
    writeFileSync(path, 'first');
    await see('first');
  });

  it('is written in several strokes: once, when it is whole', async () => {
    writeFileSync(path, '');
    start();
    for (let part = 1; part <= 20; part += 1) {
      writeFileSync(path, 'x'.repeat(part));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    await see('x'.repeat(20));
    expect(seen.length).toBeLessThan(4);
  });
});
