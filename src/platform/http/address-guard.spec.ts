import type { LookupAddress } from 'node:dns';
import { addressRefusal, guardedLookup, RefusedAddressError, type AddressPolicy } from './address-guard.js';

describe('addresses that are never dialled, whoever registered them (security page, SSRF)', () => {
  test.each([
    '169.254.169.254',
    '169.254.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '100.100.100.200',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '::ffff:0.0.0.0',
    '::a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
  ])('%s', (address) => {
    expect(addressRefusal(address, 'registered')).toBeDefined();
    expect(addressRefusal(address, 'third-party')).toBeDefined();
  });
});

test('the credential services of the machine are dialled where the environment names them, and nothing else is', () => {
  for (const address of ['169.254.169.254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::254', '127.0.0.1', '::1']) {
    expect(addressRefusal(address, 'machine-credentials')).toBeUndefined();
  }
  for (const address of ['169.254.169.253', '10.0.0.1', '8.8.8.8', 'fe80::1', '0.0.0.0']) {
    expect(addressRefusal(address, 'machine-credentials')).toBeDefined();
  }
});

test.each(['127.0.0.1', '::1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '100.64.0.1', 'fd12::1', '::ffff:10.0.0.1'])(
  '%s is dialled for a server an administrator registered, not for a URL a third party named',
  (address) => {
    expect(addressRefusal(address, 'registered')).toBeUndefined();
    expect(addressRefusal(address, 'third-party')).toBeDefined();
  },
);

test.each(['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8', '172.32.0.1', '169.253.255.255'])(
  '%s is dialled for everybody',
  (address) => {
    expect(addressRefusal(address, 'third-party')).toBeUndefined();
  },
);

describe('a name', () => {
  function resolve(policy: AddressPolicy, addresses: readonly string[], all: boolean): Promise<unknown> {
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const lookup = guardedLookup(policy, (_hostname, done) => done(null, found));
    return new Promise((done, reject) => {
      lookup('name.test', { all }, (error, answer) => (error === null ? done(answer) : reject(error)));
    });
  }

  test('is dialled only at those of its addresses that may be dialled', async () => {
    expect(await resolve('registered', ['169.254.169.254', '10.0.0.1', 'fe80::1', 'fd12::1'], true)).toEqual([
      { address: '10.0.0.1', family: 4 },
      { address: 'fd12::1', family: 6 },
    ]);
    expect(await resolve('third-party', ['10.0.0.1', '8.8.8.8'], false)).toBe('8.8.8.8');
  });

  test('with none of them is refused', async () => {
    await expect(resolve('third-party', ['127.0.0.1', '::1'], true)).rejects.toBeInstanceOf(RefusedAddressError);
    await expect(resolve('registered', [], true)).rejects.toBeInstanceOf(RefusedAddressError);
  });
});
