import { composeRequest } from '../../../core/protocol/modern/compose-request.js';
import { requestText } from '../../../core/protocol/rpc-message.js';
import type { UpstreamRequest } from '../upstream.js';

/** The gateway's own `clientInfo`, raw. */
export function clientInfo(clientVersion: string): string {
  return JSON.stringify({ name: 'gatehouse', version: clientVersion });
}

/** `server/discover` of the gateway itself, in the form of the modern era, with the headers that repeat it. */
export function discoverRequest(
  id: number,
  clientVersion: string,
): UpstreamRequest & { readonly headers: Readonly<Record<string, string>> } {
  const method = 'server/discover';
  const { text, headers } = composeRequest(method, requestText(id, method, undefined), {
    capabilitiesText: '{}',
    clientInfoText: clientInfo(clientVersion),
    logLevel: undefined,
  });
  return { id, method, text, headers, repeatable: true };
}
