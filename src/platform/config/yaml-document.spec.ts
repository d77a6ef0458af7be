import { readYaml } from './yaml-document.js';

function read(text: string) {
  const outcome = readYaml(text);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.document;
}

describe('a YAML document', () => {
  const text = [
    'base: &base',
    '  auth_type: api_key',
    '  args: [a, b]',
    'servers:',
    '  one:',
    '    <<: *base',
    '    url: http://h',
    '  two: *base',
    '  three:',
    '    <<: [{ x: 1 }, *base]',
    '    args:',
    '      - c',
    '      - { d: e }',
  ].join('\n');

  it('resolves anchors and merge keys; what is written wins over what is merged', () => {
    expect(read(text).root).toMatchObject({
      servers: {
        one: { auth_type: 'api_key', args: ['a', 'b'], url: 'http://h' },
        two: { auth_type: 'api_key' },
        three: { x: 1, auth_type: 'api_key', args: ['c', { d: 'e' }] },
      },
    });
  });

  it.each<[(string | number)[], number, number]>([
    [[], 1, 1],
    [['servers'], 4, 1],
    [['servers', 'one', 'url'], 7, 5],
    [['servers', 'one', 'args', 1], 3, 13],
    [['servers', 'two', 'auth_type'], 2, 3],
    [['servers', 'three', 'x'], 10, 12],
    [['servers', 'three', 'auth_type'], 2, 3],
    [['servers', 'three', 'args', 1, 'd'], 13, 11],
    [['servers', 'one', 'not_there'], 5, 3],
    [['nowhere', 'at', 'all'], 1, 1],
  ])('finds %j at %i:%i', (path, line, column) => {
    expect(read(text).locate(path)).toEqual({ line, column });
  });

  it.each([
    ['a: 1\na: 2', 'written twice', 2],
    ['a:\n\tb: 1', 'tab', 2],
    ['a: [1, 2', 'bracket is not closed', 1],
    ['a: *nope', 'no anchor', 1],
    ['a: b: c', 'nested mappings', 1],
    ['a: 1\n---\nb: 2', 'one document', 2],
  ])('says in our words, with the line, what is wrong in %j', (broken, words, line) => {
    const outcome = readYaml(broken);
    expect(outcome.ok).toBe(false);
    if (outcome.ok) return;
    expect(outcome.problems[0]?.message).toContain(words);
    expect(outcome.problems[0]?.position.line).toBe(line);
  });

  it.each([
    'a: "canary\nb',
    'a: [canary',
    'x\n "canary" "canary"',
    '- a\ncanary: b',
    'a: !canary b',
    '%canary\n--- b: {',
    'a: *canary',
  ])('does not quote the text when it cannot be read: %j (defect 54)', (broken) => {
    const outcome = readYaml(broken);
    expect(JSON.stringify(outcome.ok ? [] : outcome.problems)).not.toContain('canary');
  });

  it('survives an alias bomb', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let code = 'b'.charCodeAt(0); code < 'j'.charCodeAt(0); code += 1) {
      const name = String.fromCharCode(code);
      bomb.push(
        `${name}: &${name} [${Array(10)
          .fill(`*${String.fromCharCode(code - 1)}`)
          .join(', ')}]`,
      );
    }
    expect(readYaml(bomb.join('\n')).ok).toBe(false);
  });

  it('lets one anchor serve hundreds of servers', () => {
    const many = Array.from({ length: 500 }, (_, index) => `s${index}: { <<: *base, url: http://h/${index} }`);
    expect(Object.keys(read(['base: &base { auth_type: none }', ...many].join('\n')).root as object)).toHaveLength(501);
  });
});
