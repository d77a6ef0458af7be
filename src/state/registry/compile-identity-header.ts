import type { DeclaredServer } from '../../core/definition/declared-server.js';
import { readIdentityHeader } from '../../core/definition/identity-header.js';
import { IDENTITY_HEADER, type IdentityHeader, type IdentityHeaderDefaults } from '../../core/model/identity-header.js';
import type { UpstreamAuth } from '../../core/model/server-entry.js';

/**
 * Whether and how a server is told who calls. Where nothing else introduces the gateway there, the token stands in
 * `Authorization`, as every server looks for it.
 */
export function compileIdentityHeader(
  { name, definition }: DeclaredServer,
  auth: UpstreamAuth,
  defaults: IdentityHeaderDefaults,
): IdentityHeader | undefined {
  const { enabled, header, audience } = readIdentityHeader(definition.identity_header, defaults);
  if (!enabled) return undefined;
  const written = Object.keys(definition.static_headers ?? {}).map((each) => each.toLowerCase());
  const isFree =
    auth.type === 'none' && definition.is_byok !== true && !written.includes('authorization') && !forwards(definition);
  return Object.freeze({ header: header ?? (isFree ? 'authorization' : IDENTITY_HEADER), audience: audience ?? name });
}

/** The client's own `Authorization` goes there. */
function forwards({ extra_headers: extra }: DeclaredServer['definition']): boolean {
  return extra?.some((name) => name.toLowerCase() === 'authorization') === true;
}
