import { readFileSync } from 'node:fs';
import { ERROR_CATALOG } from './catalog.js';

interface Documented {
  readonly status: number;
  readonly rpcCode: number;
  readonly meaning: string;
  readonly remedy: string;
}

/** Rows of the tables in docs/errors.md, by code. */
function documentedErrors(): ReadonlyMap<string, Documented> {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `([a-z_]+\/[a-z_]+)` +\| (\d+) +\| (-\d+) +\| (.+?) +\| (.+?) +\|$/gm);
  return new Map(
    Array.from(rows, ([, code = '', status, rpcCode, meaning = '', remedy = '']) => [
      code,
      { status: Number(status), rpcCode: Number(rpcCode), meaning, remedy },
    ]),
  );
}

describe('docs/errors.md and the catalogue', () => {
  const documented = documentedErrors();

  test('list the same codes', () => {
    expect([...documented.keys()].sort()).toEqual(Object.keys(ERROR_CATALOG).sort());
  });

  test.each(Object.entries(ERROR_CATALOG))('agree on %s and say what to do about it', (code, { status, rpcCode }) => {
    expect(documented.get(code)).toMatchObject({ status, rpcCode });
    expect(documented.get(code)?.meaning).not.toBe('');
    expect(documented.get(code)?.remedy).not.toBe('');
  });

  test('hide what went wrong inside, unless the detail is written for callers', () => {
    for (const [code, kind] of Object.entries(ERROR_CATALOG)) {
      const exposes = 'exposesDetail' in kind;
      expect([code, exposes && !code.startsWith('upstream/')]).toEqual([code, false]);
    }
  });
});
