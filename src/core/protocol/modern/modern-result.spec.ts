import { toModernCode, toModernError, requiredUrlElicitations } from './modern-error.js';
import { combineCacheHints, NO_CACHING, toModernResult, withoutExecution } from './modern-result.js';

const SERVER = '{"name":"g","version":"1"}';

describe('a result in the form of 2026-07-28', () => {
  test('says that it is complete and who answered; the rest is the text as it came', () => {
    const result = '{ "content":[{"type":"hologram","n":12345678901234567890}], "acme":{"x" : 1.0},"_meta":{"a/b":1} }';
    expect(toModernResult(result, SERVER, undefined)).toBe(
      '{"content":[{"type":"hologram","n":12345678901234567890}],"acme":{"x" : 1.0},' +
        `"_meta":{"a/b":1,"io.modelcontextprotocol/serverInfo":${SERVER}},"resultType":"complete"}`,
    );
  });

  test('carries cache hints where the method has them', () => {
    expect(JSON.parse(toModernResult('{"tools":[]}', SERVER, NO_CACHING))).toEqual({
      tools: [],
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'g', version: '1' } },
    });
    expect(JSON.parse(toModernResult('{}', SERVER, undefined))).not.toHaveProperty('ttlMs');
  });

  test('is never of a type that the upstream made up', () => {
    expect(JSON.parse(toModernResult('{"resultType":"odd"}', SERVER, undefined))).toMatchObject({
      resultType: 'complete',
    });
  });

  test('tools lose execution, which clients of this revision do not know', () => {
    const list = '{"tools":[{"name":"a","execution":{"taskSupport":"optional"},"x":1e2},{"name":"execution"}],"n":1}';
    expect(withoutExecution(list)).toBe('{"tools":[{"name":"a","x":1e2},{"name":"execution"}],"n":1}');
  });
});

describe('cache hints of several parts (2026-07-28, "Caching")', () => {
  const open = { ttlMs: 5_000, cacheScope: 'public' } as const;

  test('are the shortest span and the narrowest scope', () => {
    expect(combineCacheHints([open, { ttlMs: 1_000, cacheScope: 'public' }])).toEqual({
      ttlMs: 1_000,
      cacheScope: 'public',
    });
    expect(combineCacheHints([open, NO_CACHING])).toEqual(NO_CACHING);
    expect(combineCacheHints([])).toEqual(NO_CACHING);
  });
});

describe('error codes (2026-07-28, "Error Codes")', () => {
  test.each([
    [-32_002, -32_602],
    [-32_042, -32_000],
    [-32_029, -32_000],
    [-32_601, -32_601],
    [-32_001, -32_001],
    [-32_021, -32_021],
    [7, 7],
  ])('%d is seen as %d', (code, seen) => {
    expect(toModernCode(code)).toBe(seen);
  });

  test('of an upstream change, its message and data do not; it cannot say what only the gateway checks', () => {
    expect(toModernError('{"code":-32002,"message":"gone","data":{"n":12345678901234567890}}')).toBe(
      '{"code":-32602,"message":"gone","data":{"n":12345678901234567890}}',
    );
    expect(toModernError('{"code":-32020,"message":"x"}')).toBe('{"code":-32000,"message":"x"}');
    expect(toModernError('null')).toBe('null');
  });

  test('−32042 names the pages to visit', () => {
    expect(requiredUrlElicitations('{"code":-32042,"data":{"elicitations":[{"mode":"url"}]}}')).toEqual([
      '{"mode":"url"}',
    ]);
    expect(requiredUrlElicitations('{"code":-32042,"message":"x"}')).toBeUndefined();
    expect(requiredUrlElicitations('{"code":-32000}')).toBeUndefined();
  });
});
