/**
 * The gateway's form of a resource URI, used where the upstream's own would be ambiguous: a URI that several servers
 * own, and every `ui://` URI of an aggregate (contract §4). Reversible, and safe for URI templates, since the original
 * stands in it unchanged.
 */
const FOREIGN = 'gatehouse://';
const UI = 'ui://';
const UI_FOREIGN = 'ui://gatehouse/';

/** `ui://x` → `ui://gatehouse/{prefix}/x`; anything else → `gatehouse://{prefix}/{uri}`. MCP Apps hosts look at `ui://`. */
export function toGatewayUri(prefix: string, uri: string): string {
  if (uri.startsWith(UI)) return `${UI_FOREIGN}${prefix}/${uri.slice(UI.length)}`;
  return `${FOREIGN}${prefix}/${uri}`;
}

/** The way back; undefined when the URI is not of the gateway's form. Whether the prefix is a server's is not checked. */
export function fromGatewayUri(uri: string): { prefix: string; uri: string } | undefined {
  if (uri.startsWith(UI_FOREIGN)) {
    const parts = splitFirst(uri.slice(UI_FOREIGN.length));
    return parts === undefined ? undefined : { prefix: parts[0], uri: `${UI}${parts[1]}` };
  }
  if (!uri.startsWith(FOREIGN)) return undefined;
  const parts = splitFirst(uri.slice(FOREIGN.length));
  return parts === undefined ? undefined : { prefix: parts[0], uri: parts[1] };
}

export function isUiUri(uri: string): boolean {
  return uri.startsWith(UI);
}

function splitFirst(text: string): [string, string] | undefined {
  const at = text.indexOf('/');
  return at <= 0 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}
