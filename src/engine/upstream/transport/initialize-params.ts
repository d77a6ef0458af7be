import type { ClientCapabilities } from '../../../core/model/client-capabilities.js';
import { LATEST_LEGACY_VERSION } from '../../../core/protocol/versions.js';

/** Raw params of `initialize`: the gateway introduces itself, with what the caller's client declared, word for word. */
export function initializeParams(capabilities: ClientCapabilities, clientVersion: string): string {
  const info = JSON.stringify({ name: 'gatehouse', version: clientVersion });
  return `{"protocolVersion":"${LATEST_LEGACY_VERSION}","capabilities":${capabilities.text},"clientInfo":${info}}`;
}
