/** Key of `gateway_setting` under which `make_public` keeps its list. */
export const PUBLIC_SERVERS_SETTING = 'public_mcp_servers';

/** The list as it is kept: a JSON array of texts. Anything else is an empty list. */
export function readPublicList(value: string | undefined): readonly string[] {
  try {
    const list: unknown = JSON.parse(value ?? '[]');
    return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
  } catch {
    // Only this gateway writes it; whoever else did must not stop the registry, and nobody becomes public by it.
    return [];
  }
}
