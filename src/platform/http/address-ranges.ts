import { BlockList, isIP } from 'node:net';

/** Answers remembered; a list of addresses nobody chose must not grow. */
const REMEMBERED_MAX = 10_000;

/** CIDRs of either family. Knows IPv4 addresses in IPv6 spelling as what they are. */
export class AddressRanges {
  readonly #list = new BlockList();
  readonly #known = new Map<string, boolean>();

  /** @param ranges such as `10.0.0.0/8`, or one address; what is neither is left out. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [written = '', prefix] = range.split('/');
      const address = plainAddress(written);
      const version = isIP(address ?? '');
      if (address === undefined || version === 0) continue;
      const bits = version === 6 ? 128 : 32;
      // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
      const length = prefix === undefined ? bits : Number(prefix) - (address === written ? 0 : 96);
      if (Number.isInteger(length) && length >= 0 && length <= bits) {
        this.#list.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4');
      }
    }
  }

  /** Whether the address lies in one of them; what is no address does not. */
  includes(address: string): boolean {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const plain = plainAddress(address) ?? '';
    const version = isIP(plain);
    const answer = version !== 0 && this.#list.check(plain, version === 6 ? 'ipv6' : 'ipv4');
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(address, answer);
    return answer;
  }
}

/** An IPv4 address in IPv6 spelling as IPv4; without a zone. Undefined stays. */
export function plainAddress(address: string | undefined): string | undefined {
  const bare = address?.split('%', 1)[0];
  if (bare === undefined || isIP(bare) !== 6) return bare;
  const mapped = /^(?:0{0,4}:){2,5}ffff:(.+)$/i.exec(bare)?.[1];
  if (mapped === undefined) return bare;
  if (isIP(mapped) === 4) return mapped;
  const words = mapped.split(':');
  if (words.length !== 2) return bare;
  const [high = 0, low = 0] = words.map((word) => Number.parseInt(word, 16));
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
