import type { RegistrySnapshot } from '../../src/core/model/registry-snapshot.js';
import type { ServerEntry } from '../../src/core/model/server-entry.js';

/** A compiled server as a plain object; what a test does not name is the quietest thing possible. */
export function makeServerEntry(name: string, overrides: Partial<ServerEntry> = {}): ServerEntry {
  return {
    id: `id-${name}`,
    alternateIds: [],
    name,
    alias: undefined,
    prefix: overrides.alias ?? name,
    origin: 'file',
    fingerprint: `fingerprint-${name}`,
    endpoint: { kind: 'http', transport: 'http', url: `http://127.0.0.1:1/${name}` },
    protocolEra: 'auto',
    auth: { type: 'none' },
    tokenHeader: 'authorization',
    byok: false,
    perUserEnv: [],
    headerVariables: [],
    staticHeaders: [],
    extraHeaders: [],
    tools: { allowed: undefined, disallowed: new Set(), allowedParams: new Map() },
    accessGroups: [],
    allowAllKeys: false,
    availableOnPublicInternet: true,
    description: undefined,
    instructions: undefined,
    timeoutMs: undefined,
    info: {},
    ...overrides,
  };
}

/** A snapshot of these servers, indexed as the compiler does it. */
export function makeSnapshot(
  servers: readonly ServerEntry[],
  overrides: Partial<RegistrySnapshot> = {},
): RegistrySnapshot {
  const ordered = servers.toSorted((left, right) => (left.prefix < right.prefix ? -1 : 1));
  const byHandle = new Map<string, ServerEntry>();
  const byGroup = new Map<string, ServerEntry[]>();
  for (const entry of ordered) {
    for (const handle of [entry.id, ...entry.alternateIds, entry.name, entry.alias]) {
      if (handle !== undefined) byHandle.set(handle.toLowerCase(), entry);
    }
    for (const group of entry.accessGroups) byGroup.set(group, [...(byGroup.get(group) ?? []), entry]);
  }
  return {
    version: 1,
    servers: ordered,
    byId: new Map(ordered.map((entry) => [entry.id, entry])),
    byHandle,
    byGroup,
    byToolset: new Map(),
    publicServers: new Set(),
    accessRules: { requireKeyAccess: false, requireEndUserAccess: false },
    separator: '-',
    prefixMode: 'always',
    rejected: [],
    ...overrides,
  };
}
