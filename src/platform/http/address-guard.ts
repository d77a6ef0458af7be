import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * Whose word the address is. `registered`: an administrator registered the server, so private ranges and loopback are
 * fine. `third-party`: the URL came from outside (metadata documents, redirects of strangers): public addresses only.
 * `machine-credentials`: the environment names a service of this very machine that hands out its credentials: those
 * services and loopback, and nothing else.
 */
export type AddressPolicy = 'registered' | 'third-party' | 'machine-credentials';

/** The address may not be dialled (security page, "SSRF"). The message names the reason, never a secret. */
export class RefusedAddressError extends Error {
  readonly code = 'GATEHOUSE_REFUSED_ADDRESS';

  constructor(reason: string) {
    super(reason);
    this.name = 'RefusedAddressError';
  }
}

/** Resolves a name to all its addresses. */
export type ResolveName = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

type Range = readonly [address: string, prefix: number];

/** Never dialled, whoever asks: unspecified, link-local, multicast, reserved, and the clouds' metadata services. */
const FORBIDDEN_V4: readonly Range[] = [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32],
];
const FORBIDDEN_V6: readonly Range[] = [
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
];

/** Not public: refused for addresses a third party named. */
const PRIVATE_V4: readonly Range[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
];
const PRIVATE_V6: readonly Range[] = [
  ['::1', 128],
  ['64:ff9b:1::', 48],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fec0::', 10],
];

/** AWS: instance metadata, ECS, EKS pod identity. */
const MACHINE_V4: readonly Range[] = [
  ['169.254.169.254', 32],
  ['169.254.170.2', 32],
  ['169.254.170.23', 32],
  ['127.0.0.0', 8],
];
const MACHINE_V6: readonly Range[] = [
  ['fd00:ec2::254', 128],
  ['fd00:ec2::23', 128],
  ['::1', 128],
];

const forbidden = blockList(FORBIDDEN_V4, FORBIDDEN_V6);
const notPublic = blockList(PRIVATE_V4, PRIVATE_V6);
const ofMachine = blockList(MACHINE_V4, MACHINE_V6);

/** Why this IP address may not be dialled; undefined when it may. Takes any spelling that `net.isIP` accepts. */
export function addressRefusal(address: string, policy: AddressPolicy): string | undefined {
  const bare = address.split('%', 1)[0] ?? '';
  const family = isIP(bare);
  if (family === 0) return 'not an IP address';
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  if (policy === 'machine-credentials') {
    return ofMachine.check(bare, kind) ? undefined : 'not an address of a credential service of this machine';
  }
  if (forbidden.check(bare, kind)) return 'link-local, metadata, multicast and unspecified addresses are never dialled';
  if (policy === 'third-party' && notPublic.check(bare, kind)) return 'private addresses are not dialled for this URL';
  return undefined;
}

/** Whether anybody's server may be at this IP address. */
export function isPublicAddress(address: string): boolean {
  return addressRefusal(address, 'third-party') === undefined;
}

/**
 * A `lookup` for `net.connect` that hands on only addresses that may be dialled: what was checked is what is dialled,
 * whatever the name resolves to a moment later. A name with no such address is a {@link RefusedAddressError}.
 */
export function guardedLookup(policy: AddressPolicy, resolve: ResolveName = resolveAll): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const usable = addresses.filter(({ address, family }) => wanted(family, options.family) && !isRefused(address));
      const [first] = usable;
      if (first === undefined) {
        const [refused] = addresses;
        const reason = refused === undefined ? 'the name has no address' : addressRefusal(refused.address, policy);
        callback(new RefusedAddressError(reason ?? 'the name has no address of the wanted family'), []);
      } else if (options.all === true) callback(null, usable);
      else callback(null, first.address, first.family);
    });
  };

  function isRefused(address: string): boolean {
    return addressRefusal(address, policy) !== undefined;
  }
}

function resolveAll(
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
): void {
  systemLookup(hostname, { all: true, order: 'verbatim' }, done);
}

function wanted(family: number, asked: number | 'IPv4' | 'IPv6' | undefined): boolean {
  if (asked === undefined || asked === 0) return true;
  return family === (asked === 'IPv4' ? 4 : asked === 'IPv6' ? 6 : asked);
}

/** IPv4 ranges are entered in each IPv6 form that ends at an IPv4 address; the mapped one `BlockList` sees through. */
function blockList(v4: readonly Range[], v6: readonly Range[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of v4) {
    list.addSubnet(address, prefix, 'ipv4');
    list.addSubnet(`64:ff9b::${address}`, 96 + prefix, 'ipv6');
    list.addSubnet(`::ffff:0:${address}`, 96 + prefix, 'ipv6');
    // `::a.b.c.d` is deprecated, and `::/8` ranges would swallow `::1`: the unspecified range is left to FORBIDDEN_V6.
    if (address !== '0.0.0.0') list.addSubnet(`::${address}`, 96 + prefix, 'ipv6');
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
    const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
    list.addSubnet(`2002:${high}:${low}::`, 16 + prefix, 'ipv6');
  }
  for (const [address, prefix] of v6) list.addSubnet(address, prefix, 'ipv6');
  return list;
}
