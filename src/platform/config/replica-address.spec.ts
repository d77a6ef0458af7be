import type { NetworkInterfaceInfo } from 'node:os';
import { replicaAddress } from './replica-address.js';

const at = (address: string, internal = false): NetworkInterfaceInfo => {
  const common = { address, internal, netmask: '', mac: '', cidr: null };
  return address.includes(':') ? { ...common, family: 'IPv6', scopeid: 0 } : { ...common, family: 'IPv4' };
};

test('others reach a replica where it listens, or on its first address that is not its own alone', () => {
  const interfaces = {
    lo: [at('127.0.0.1', true), at('::1', true)],
    eth0: [at('fe80::1'), at('169.254.1.1'), at('fd00::7'), at('10.0.0.7')],
  };
  expect(replicaAddress({ address: '127.0.0.1', port: 4000 }, interfaces)).toBe('http://127.0.0.1:4000');
  expect(replicaAddress({ address: '::1', port: 4000 }, interfaces)).toBe('http://[::1]:4000');
  expect(replicaAddress({ address: '0.0.0.0', port: 4001 }, interfaces)).toBe('http://10.0.0.7:4001');
  expect(replicaAddress({ address: '::', port: 4001 }, { eth0: [at('fd00::7')] })).toBe('http://[fd00::7]:4001');
  expect(replicaAddress({ address: '::', port: 4001 }, { lo: interfaces.lo })).toBe('http://127.0.0.1:4001');
});
