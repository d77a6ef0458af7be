import type { DeclaredServer } from '../../core/definition/declared-server.js';
import { effectiveTransport } from '../../core/definition/server-rules.js';
import type { ServerDefinition } from '../../core/definition/server.definition.js';
import { type IdentityHeaderDefaults, NO_IDENTITY_HEADER } from '../../core/model/identity-header.js';
import { Secret } from '../../core/model/secret.js';
import type { HttpEndpoint, ServerEntry, StdioEndpoint } from '../../core/model/server-entry.js';
import {
  compileAuth,
  compileByokHelp,
  compileHeaderVariables,
  compilePerUserEnv,
  compileTokenHeader,
} from './compile-auth.js';
import { compileIdentityHeader } from './compile-identity-header.js';
import { guardEndpoint } from './guarded-endpoint.js';
import { fingerprintServer } from './server-fingerprint.js';
import { deriveServerId, incumbentServerIds } from './server-ids.js';
import { compileToolPolicy } from './tool-policy.js';

/**
 * One declared server as the data plane wants it, frozen. Takes a definition without errors and without unsupported
 * features; throws when it is given another (the caller sets the entry aside).
 */
export function compileServer(
  declared: DeclaredServer,
  separator: string,
  identityDefaults: IdentityHeaderDefaults = NO_IDENTITY_HEADER,
): ServerEntry {
  const { definition, name, alias, origin } = declared;
  const derivedId = deriveServerId(name);
  const id = filled(definition.id) ?? filled(definition.server_id) ?? derivedId;
  const prefix = filled(alias) ?? filled(name) ?? id;
  const { url, urlCredential } = splitUrl(filled(definition.url));
  const endpoint = compileEndpoint(definition, url);
  const auth = compileAuth(definition, url, urlCredential);
  const entry: Omit<ServerEntry, 'fingerprint'> = {
    id,
    alternateIds: Object.freeze([...incumbentServerIds(declared), derivedId].filter((other) => other !== id)),
    name,
    alias: filled(alias),
    prefix,
    origin,
    endpoint,
    protocolEra: definition.protocol_era ?? 'auto',
    auth,
    tokenHeader: compileTokenHeader(definition, auth),
    byok: definition.is_byok ?? false,
    byokHelp: compileByokHelp(definition),
    perUserEnv: compilePerUserEnv(definition),
    headerVariables: compileHeaderVariables(definition),
    identityHeader: endpoint.kind === 'http' ? compileIdentityHeader(declared, auth, identityDefaults) : undefined,
    staticHeaders: freezePairs(endpoint.kind === 'http' ? Object.entries(definition.static_headers ?? {}) : []),
    extraHeaders: Object.freeze(endpoint.kind === 'http' ? [...(definition.extra_headers ?? [])] : []),
    tools: compileToolPolicy(definition, [...new Set([prefix, name])], separator),
    accessGroups: Object.freeze([
      ...new Set([...(definition.access_groups ?? []), ...(definition.mcp_access_groups ?? [])]),
    ]),
    allowAllKeys: definition.allow_all_keys ?? false,
    availableOnPublicInternet: definition.available_on_public_internet ?? true,
    description: filled(definition.description) ?? filled(definition.mcp_info?.description),
    instructions: filled(definition.instructions),
    timeoutMs: definition.timeout === undefined ? undefined : Math.round(definition.timeout * 1_000),
    info: compileInfo(declared),
  };
  return Object.freeze({ ...entry, fingerprint: fingerprintServer(entry) });
}

function compileEndpoint(definition: ServerDefinition, url: string | undefined): HttpEndpoint | StdioEndpoint {
  const transport = effectiveTransport(definition);
  if (transport !== 'stdio') {
    if (url === undefined) throw new TypeError('a server without url');
    return guardEndpoint<HttpEndpoint>({ kind: 'http', transport, url });
  }
  const command = filled(definition.command);
  if (command === undefined) throw new TypeError('a stdio server without command');
  return guardEndpoint<StdioEndpoint>({
    kind: 'stdio',
    command,
    args: Object.freeze([...(definition.args ?? [])]),
    env: Object.freeze(compileEnvironment(definition.env)),
    cwd: filled(definition.cwd),
    isolation: definition.isolation ?? 'server',
  });
}

function compileEnvironment(written: ServerDefinition['env']): Record<string, Secret> {
  if (!Array.isArray(written)) return { ...written };
  return Object.fromEntries(written.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}

/** `https://user:password@host/` is a basic credential in disguise: it goes where credentials go, not with the URL. */
function splitUrl(written: string | undefined): {
  readonly url: string | undefined;
  readonly urlCredential: Secret | undefined;
} {
  const url = written === undefined ? null : URL.parse(written);
  if (url === null) return { url: undefined, urlCredential: undefined };
  url.hash = '';
  if (url.username === '' && url.password === '') return { url: url.href, urlCredential: undefined };
  const urlCredential = new Secret(`${decode(url.username)}:${decode(url.password)}`);
  url.username = '';
  url.password = '';
  return { url: url.href, urlCredential };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A bare % in a password: it means itself.
    return text;
  }
}

/** `mcp_info` as it was written, with the two members that the incumbent fills in (reference §1.2). */
function compileInfo({ name, definition }: DeclaredServer): Readonly<Record<string, unknown>> {
  const written = JSON.parse(JSON.stringify(definition.mcp_info ?? {})) as Record<string, unknown>;
  const description = filled(definition.description);
  return deepFreeze({
    server_name: name,
    ...(description === undefined ? {} : { description }),
    ...written,
  });
}

function filled(text: string | null | undefined): string | undefined {
  return text === null || text === '' ? undefined : text;
}

function freezePairs<T>(pairs: readonly (readonly [string, T])[]): readonly (readonly [string, T])[] {
  return Object.freeze(pairs.map(([name, value]) => Object.freeze([name, value] as const)));
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
