/** What a request of the protocol says of itself. */
export interface ProtocolHeaders {
  readonly sessionId: string | undefined;
  /** Negotiated revision; undefined for `initialize`. */
  readonly protocolVersion: string | undefined;
}

const USER_AGENT = 'gatehouse';

/** Headers of a POST, as undici takes them cheapest: names and values in turn. The caller's come last. */
export function postHeaders(protocol: ProtocolHeaders, credential: Readonly<Record<string, string>>): string[] {
  const headers = ['accept', 'application/json, text/event-stream', 'content-type', 'application/json'];
  return append(headers, protocol, credential);
}

/** Headers of a GET for an event stream; `lastEventId` resumes one. */
export function streamHeaders(
  protocol: ProtocolHeaders,
  credential: Readonly<Record<string, string>>,
  lastEventId: string | undefined,
): string[] {
  const headers = ['accept', 'text/event-stream'];
  if (lastEventId !== undefined && lastEventId !== '') headers.push('last-event-id', lastEventId);
  return append(headers, protocol, credential);
}

/** Headers of the DELETE that ends a session. */
export function deleteHeaders(protocol: ProtocolHeaders, credential: Readonly<Record<string, string>>): string[] {
  return append([], protocol, credential);
}

function append(
  headers: string[],
  { sessionId, protocolVersion }: ProtocolHeaders,
  credential: Readonly<Record<string, string>>,
): string[] {
  if (protocolVersion !== undefined) headers.push('mcp-protocol-version', protocolVersion);
  if (sessionId !== undefined) headers.push('mcp-session-id', sessionId);
  if (credential['user-agent'] === undefined) headers.push('user-agent', USER_AGENT);
  for (const name in credential) {
    const value = credential[name];
    if (value !== undefined) headers.push(name, value);
  }
  return headers;
}
