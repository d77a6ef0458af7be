/** A call of the ledger as it is read. */
export interface LedgerCallRow {
  readonly startedAt: Date;
  readonly callId: string;
  readonly principalId: string;
  readonly keyId: string | null;
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
  readonly endUserId: string | null;
  readonly method: string;
  readonly serverId: string | null;
  readonly serverName: string | null;
  readonly target: string | null;
  readonly outcome: string;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly resultBytes: number;
  readonly replica: string;
}

const CALL_TYPES: Readonly<Record<string, string>> = {
  'tools/call': 'call_mcp_tool',
  'tools/list': 'list_mcp_tools',
};

/** The incumbent's columns (reference §10.7, App. H.6), as far as we have them. Arguments and results are not kept. */
export function presentSpendLog(row: LedgerCallRow, keyHash: string | undefined) {
  const { method, serverName, target } = row;
  const isCall = method === 'tools/call' && target !== null;
  const namespaced = isCall && serverName !== null ? `${serverName}/${target}` : target;
  const status = row.outcome === 'ok' ? 'success' : 'failure';
  return {
    request_id: row.callId,
    call_type: CALL_TYPES[method] ?? method,
    model: `MCP: ${namespaced?.replace('/', '-') ?? serverName ?? method}`,
    spend: 0,
    total_tokens: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    api_key: keyHash ?? '',
    user: row.userId ?? '',
    team_id: row.teamId,
    organization_id: row.organizationId,
    end_user: row.endUserId,
    startTime: row.startedAt,
    endTime: new Date(row.startedAt.getTime() + row.durationMs),
    request_duration_ms: row.durationMs,
    status,
    mcp_namespaced_tool_name: isCall ? namespaced : null,
    metadata: {
      status,
      outcome: row.outcome,
      principal_id: row.principalId,
      mcp_server_id: row.serverId,
      request_bytes: row.requestBytes,
      result_bytes: row.resultBytes,
      replica: row.replica,
      mcp_tool_call_metadata: isCall
        ? { name: target, mcp_server_name: serverName, namespaced_tool_name: namespaced }
        : null,
    },
  };
}
