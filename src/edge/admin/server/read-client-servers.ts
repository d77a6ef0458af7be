import { isRecord } from '../../../core/definition/field-checks.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { ValidationFailed } from '../auth/validation.pipe.js';

/** One entry of a client's configuration, as the body of a create. */
export interface ClientServer {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** Why there is none. */
  readonly fault?: string;
}

/** Entries of one import. */
const ENTRIES_MAX = 500;

/** What clients call their transports. */
const TRANSPORTS: Readonly<Record<string, string>> = {
  http: 'http',
  'streamable-http': 'http',
  streamablehttp: 'http',
  streamable_http: 'http',
  sse: 'sse',
  stdio: 'stdio',
};

/** Reads `{"mcpServers": {…}}`, the format of MCP clients (`servers` in one of them). Throws ValidationFailed. */
export function readClientServers(body: unknown): readonly ClientServer[] {
  const servers = isRecord(body) ? (body['mcpServers'] ?? body['servers'] ?? body['mcp_servers']) : undefined;
  if (!isRecord(servers)) {
    throw new ValidationFailed([
      problemAt(['mcpServers'], 'must be an object: name to server, as MCP clients have it'),
    ]);
  }
  const entries = Object.entries(servers);
  if (entries.length > ENTRIES_MAX) {
    throw new ValidationFailed([problemAt(['mcpServers'], `must not hold more than ${ENTRIES_MAX} servers`)]);
  }
  return entries.map(([name, entry]) => readEntry(name, entry));
}

function readEntry(name: string, entry: unknown): ClientServer {
  if (!isRecord(entry)) return { name, body: undefined, fault: 'must be an object' };
  if (entry['disabled'] === true) return { name, body: undefined, fault: 'is disabled' };
  const { type, transport, headers, serverUrl, httpUrl, ...rest } = entry;
  const kind = transport ?? type;
  const known = typeof kind === 'string' ? TRANSPORTS[kind.toLowerCase()] : undefined;
  if (kind !== undefined && known === undefined) return { name, body: undefined, fault: 'has an unknown type' };
  const url = rest['url'] ?? serverUrl ?? httpUrl;
  return {
    name,
    body: {
      ...rest,
      server_name: name,
      ...(url === undefined ? {} : { url }),
      ...(known === undefined ? {} : { transport: known }),
      ...(headers === undefined ? {} : { static_headers: headers }),
    },
  };
}
