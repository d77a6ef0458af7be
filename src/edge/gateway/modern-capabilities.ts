import { clientCapabilities, type ClientCapabilities } from '../../core/model/client-capabilities.js';
import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import { withMembersSet, withoutMembers } from '../../core/protocol/modern/object-text.js';
import type { RequestEnvelope } from '../../core/protocol/modern/request-envelope.js';

/** Extensions that a gateway must take part in, and this one does not: no upstream is to count on them. */
export const UNSUPPORTED_EXTENSIONS: ReadonlySet<string> = new Set(['io.modelcontextprotocol/tasks']);

/** What upstreams are told of a modern client: what it declared, without extensions that cannot pass. */
export function forwardedCapabilities({ capabilitiesText }: RequestEnvelope): ClientCapabilities {
  const extensions = findMember(scanObject(capabilitiesText), 'extensions');
  if (extensions === undefined || capabilitiesText.charCodeAt(extensions.start) !== 0x7b) {
    return clientCapabilities(capabilitiesText);
  }
  const declared = capabilitiesText.slice(extensions.start, extensions.end);
  const kept = withoutMembers(declared, UNSUPPORTED_EXTENSIONS);
  if (kept === declared) return clientCapabilities(capabilitiesText);
  return clientCapabilities(withMembersSet(capabilitiesText, new Map([['extensions', kept]])));
}
