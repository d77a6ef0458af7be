import { duplicateKey, findMember, nestsDeeperThan, scanArray, scanObject } from './json-scan.js';

/** A small deterministic generator: the same cases in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

function randomValue(next: () => number, depth: number): unknown {
  const pick = Math.floor(next() * (depth > 0 ? 7 : 5));
  switch (pick) {
    case 0:
      return Math.floor(next() * 1e6) - 5e5;
    case 1:
      return ['', 'plain', 'quo"te', 'back\\slash', 'end\\\\', '{"looks":[like]}', 'ünïcode ☃', '\n\t'][
        Math.floor(next() * 8)
      ];
    case 2:
      return null;
    case 3:
      return next() < 0.5;
    case 4:
      return next() * 1e-7;
    case 5:
      return Array.from({ length: Math.floor(next() * 4) }, () => randomValue(next, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: Math.floor(next() * 4) }, (_, index) => [
          ['k', 'with "quote"', 'back\\', '', 'ü'][index] ?? 'x',
          randomValue(next, depth - 1),
        ]),
      );
  }
}

describe('scanObject and scanArray', () => {
  it('find exactly the pieces that JSON.parse finds, whatever the spacing and escapes', () => {
    const next = random(7);
    for (let round = 0; round < 2_000; round += 1) {
      const value = {
        a: randomValue(next, 3),
        'b"': randomValue(next, 3),
        c: [randomValue(next, 2), randomValue(next, 2)],
      };
      const text = JSON.stringify(value, undefined, next() < 0.5 ? 0 : 2);
      const members = scanObject(text);
      expect(members.map(({ key, start, end }) => [key, JSON.parse(text.slice(start, end))])).toEqual(
        Object.entries(value),
      );
      const list = findMember(members, 'c');
      const elements = scanArray(text, list?.start).map(
        ({ start, end }) => JSON.parse(text.slice(start, end)) as unknown,
      );
      expect(elements).toEqual(value.c);
    }
  });

  it('keep the raw text of numbers that JavaScript cannot hold', () => {
    const text = '{"n": 12345678901234567890.000000001 , "m":-0}';
    const raw = scanObject(text).map(({ start, end }) => text.slice(start, end));
    expect(raw).toEqual(['12345678901234567890.000000001', '-0']);
  });

  it('end on text that is not JSON at all', () => {
    for (const text of ['', '{', '{"a', '{"a"', '{"a":', '{"a":"', '[', '[1', '{"a":{', 'x', '{"\\']) {
      expect(() => [scanObject(text), scanArray(text), nestsDeeperThan(text, 3)]).not.toThrow();
    }
  });
});

describe('findMember and duplicateKey', () => {
  it('takes the last of repeated members, as JSON.parse does, and names the repetition even when it is escaped', () => {
    const text = '{"name":"safe","n\\u0061me":"evil"}';
    const members = scanObject(text);
    const found = findMember(members, 'name');
    expect(text.slice(found?.start, found?.end)).toBe('"evil"');
    expect(duplicateKey(members)).toBe('name');
    expect(duplicateKey(scanObject('{"a":1,"b":{"a":2}}'))).toBeUndefined();
  });
});

describe('nestsDeeperThan', () => {
  it.each([
    ['{"a":[1]}', 2, false],
    ['{"a":[1]}', 1, true],
    ['"[[[[["', 0, false],
    ['{"a":"\\"[[["}', 1, false],
    ['['.repeat(100_000), 64, true],
  ])('%.20s within %i: %s', (text, depth, expected) => {
    expect(nestsDeeperThan(text, depth)).toBe(expected);
  });
});
