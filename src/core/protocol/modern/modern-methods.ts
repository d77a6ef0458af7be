/** Requests of a modern client. What is not here is answered 404 and −32601, removed methods included. */
export const MODERN_METHODS = [
  'server/discover',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
  'subscriptions/listen',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
] as const;

export type ModernMethod = (typeof MODERN_METHODS)[number];

/** Member of params that the `Mcp-Name` header repeats (2026-07-28, "Standard Request Headers"; SEP-2663). */
export const NAMED_BY: Readonly<Partial<Record<ModernMethod, 'name' | 'uri' | 'taskId'>>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** Results that must carry cache hints (2026-07-28, "Caching"); `server/discover` writes its own. */
export const CACHEABLE: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);

/** Requests a server may answer with `input_required` (2026-07-28, "Multi Round-Trip Requests"). */
export const MULTI_ROUND: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

const KNOWN: ReadonlySet<unknown> = new Set(MODERN_METHODS);

export function isModernMethod(method: unknown): method is ModernMethod {
  return KNOWN.has(method);
}
