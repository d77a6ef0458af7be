import { parseCliArguments } from './cli-arguments.js';

const parse = (...argv: string[]) => parseCliArguments(argv, '1.2.3');

describe('the command line', () => {
  it('takes every flag, in both spellings', () => {
    expect(parse('--config', 'a.yaml', '--port=1', '--host', '::1', '--workers', '2', '--check')).toEqual({
      kind: 'run',
      flags: { config: 'a.yaml', port: '1', host: '::1', workers: '2', check: true },
    });
    expect(parse('-c', 'a.yaml', '-p', '1')).toEqual({
      kind: 'run',
      flags: { config: 'a.yaml', port: '1', check: false },
    });
    expect(parse()).toEqual({ kind: 'run', flags: { check: false } });
  });

  it('explains itself with --help, whatever else is there', () => {
    const help = parse('--help', '--port', '1');
    expect(help).toMatchObject({ kind: 'exit', code: 0 });
    for (const flag of ['--config', '--port', '--host', '--workers', '--check', '--help', '--version']) {
      expect(help).toMatchObject({ output: expect.stringContaining(flag) });
    }
  });

  it('tells its version', () => {
    expect(parse('-v')).toEqual({ kind: 'exit', code: 0, output: 'gatehouse 1.2.3\n' });
  });

  it.each([
    [['--prot', '1'], 'unknown flag "--prot"; did you mean "--port"?'],
    [['--check', '--verbose=yes'], 'unknown flag "--verbose"'],
    [['-x'], 'unknown flag "-x"'],
    [['--port'], "Option '-p, --port <value>' argument missing"],
    [['--check=yes'], "Option '--check' does not take an argument"],
    [['config.yaml'], 'unexpected argument "config.yaml"'],
  ])('leaves with code 2 and the reason for %j', (argv, reason) => {
    expect(parse(...argv)).toMatchObject({ kind: 'exit', code: 2, output: expect.stringContaining(reason) });
  });
});
