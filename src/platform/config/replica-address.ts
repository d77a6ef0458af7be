import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/**
 * Where others reach a process that listens on this address: there, or when it listens on all of them on the first that
 * is neither internal nor of one link only (IPv4 before IPv6). Loopback when there is no such.
 */
export function replicaAddress(
  listening: { readonly address: string; readonly port: number },
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>> = networkInterfaces(),
): string {
  const { address, port } = listening;
  const host = ANY.has(address) ? outerAddress(interfaces) : address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function outerAddress(interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>): string {
  const outer = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(169\.254\.|fe[89ab])/i.test(address));
  return (outer.find(({ family }) => family === 'IPv4') ?? outer[0])?.address ?? '127.0.0.1';
}
