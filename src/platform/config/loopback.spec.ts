import { isLoopbackHost } from './loopback.js';

describe('a host to listen on', () => {
  it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.9.8.7', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
    '%s is reached from this machine only',
    (host) => {
      expect(isLoopbackHost(host)).toBe(true);
    },
  );

  it.each([
    '0.0.0.0',
    '::',
    '',
    '10.0.0.1',
    '128.0.0.1',
    '::ffff:10.0.0.1',
    'fe80::1',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ])('%s may be reached from elsewhere', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});
