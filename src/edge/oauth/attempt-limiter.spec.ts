import { AttemptLimiter } from './attempt-limiter.js';

test('an address has so many attempts in a window, whatever others do', () => {
  const limiter = new AttemptLimiter({ perAddress: 2, total: 100, windowMs: 60_000 });
  expect([limiter.tooMany('a', 0), limiter.tooMany('a', 1), limiter.tooMany('a', 1_000)]).toEqual([
    undefined,
    undefined,
    59,
  ]);
  expect(limiter.tooMany('b', 1_000)).toBeUndefined();
  expect(limiter.tooMany('a', 60_000)).toBeUndefined();
});

test('what is forgiven does not count', () => {
  const limiter = new AttemptLimiter({ perAddress: 1, total: 100, windowMs: 60_000 });
  for (let attempt = 0; attempt < 10; attempt += 1) {
    expect(limiter.tooMany('a', attempt)).toBeUndefined();
    limiter.forgive('a');
  }
});

test('all addresses together have an end too, and who has none shares one', () => {
  const limiter = new AttemptLimiter({ perAddress: 2, total: 5, windowMs: 60_000 });
  const answers = ['a', 'b', 'c', undefined, undefined, 'd'].map((address) => limiter.tooMany(address, 0));
  expect(answers).toEqual([undefined, undefined, undefined, undefined, undefined, 60]);
  const lone = new AttemptLimiter({ perAddress: 1, total: 5, windowMs: 60_000 });
  expect([lone.tooMany(undefined, 0), lone.tooMany(undefined, 0)]).toEqual([undefined, 60]);
});

test('one address that goes on and on takes nothing away from others', () => {
  const limiter = new AttemptLimiter({ perAddress: 2, total: 10, windowMs: 60_000 });
  for (let attempt = 0; attempt < 1_000; attempt += 1) limiter.tooMany('a', 0);
  expect(limiter.tooMany('b', 0)).toBeUndefined();
});

test('an IPv6 network is one address: whoever has one has 2^64 of them', () => {
  const limiter = new AttemptLimiter({ perAddress: 2, total: 100, windowMs: 60_000 });
  const answers = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::2', '2001:0db8:0001:0002:3:4:5:6', '2001:db8:1:3::1'];
  expect(answers.map((address) => limiter.tooMany(address, 0))).toEqual([undefined, undefined, 60, undefined]);
  expect(['::ffff:192.0.2.1', '::ffff:192.0.2.2', '::1'].map((address) => limiter.tooMany(address, 0))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
