import { expandEnvironmentReferences } from './expand-environment-references.js';

const environment = { TOKEN: 's3cret', EMPTY: '' };
const expand = (value: unknown) => expandEnvironmentReferences(value, environment, ['top']);

describe('os.environ references', () => {
  it.each<[string, unknown, unknown]>([
    ['a string', 'os.environ/TOKEN', 's3cret'],
    ['a list item (defect 48)', ['-y', 'os.environ/TOKEN'], ['-y', 's3cret']],
    ['a map in a list in a map', { a: [{ b: 'os.environ/TOKEN' }] }, { a: [{ b: 's3cret' }] }],
    ['a list in a list', [['os.environ/TOKEN']], [['s3cret']]],
    ['a variable that is set but empty', 'os.environ/EMPTY', ''],
    ['not the middle of a string', 'x os.environ/TOKEN', 'x os.environ/TOKEN'],
    ['not names', { 'os.environ/TOKEN': 1 }, { 'os.environ/TOKEN': 1 }],
    ['nothing that is no string', [1, true, null], [1, true, null]],
  ])('are expanded in %s', (_, written, expected) => {
    expect(expand(written)).toEqual({ value: expected, problems: [] });
  });

  it('names field and variable when it is not set, for all of them at once', () => {
    expect(expand({ args: ['a', 'os.environ/NOPE'], env: { A: 'os.environ/constructor' } }).problems).toEqual([
      { path: ['top', 'args', 1], message: 'environment variable NOPE is not set', severity: 'error' },
      { path: ['top', 'env', 'A'], message: 'environment variable constructor is not set', severity: 'error' },
    ]);
    expect(expand('os.environ/').problems).toMatchObject([{ message: 'names no variable after os.environ/' }]);
  });

  it('ends on data that contains itself', () => {
    const loop: Record<string, unknown> = {};
    loop['again'] = loop;
    expect(expand(loop).problems).toMatchObject([{ message: 'is nested more than 64 levels deep' }]);
  });
});
