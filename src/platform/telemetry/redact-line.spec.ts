import { redactLine } from './redact-line.js';

describe('the net under the log takes out', () => {
  test.each([
    ['a header', { headers: { Authorization: 'Bearer abcdefgh' } }, 'abcdefgh'],
    ['a header of several values', { headers: { 'set-cookie': ['a=c4nary', 'b=c4nary'] } }, 'c4nary'],
    ['a per-server header', { 'x-mcp-github-authorization': 'c4nary' }, 'c4nary'],
    ['a session id', { 'Mcp-Session-Id': 'c4nary' }, 'c4nary'],
    ['a value with quotes inside', { password: 'c4"nary\\' }, 'nary'],
    ['a setting', { master_key: 'c4nary', authValue: 'c4nary', clientSecret: 'c4nary' }, 'c4nary'],
    ['credentials in a URL', { msg: 'cannot reach https://user:c4nary@host/mcp' }, 'c4nary'],
    ['a bearer in a sentence', { err: { message: 'refused Bearer c4nary.c4nary' } }, 'c4nary'],
    ['a gateway key in a sentence', { msg: 'key sk-c4naryc4nary is unknown' }, 'c4nary'],
  ])('%s', (_name, record, secret) => {
    const line = redactLine(JSON.stringify(record));
    expect(line).not.toContain(secret);
    expect(line).toContain('[redacted]');
    expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});

test('what is no secret stays', () => {
  const line = JSON.stringify({ level: 30, server: 'github', msg: 'listens on http://127.0.0.1:4000/mcp', tokens: 3 });
  expect(redactLine(line)).toBe(line);
});

test('a long line of anything is read in reasonable time', () => {
  const startedAt = performance.now();
  for (const text of ['a'.repeat(500_000), '"'.repeat(200_000), 'sk-'.repeat(200_000), '\\"'.repeat(200_000)]) {
    redactLine(JSON.stringify({ token: text, text }));
  }
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
