/** Requests a legacy-era client may send. `initialize` belongs to the transport, the others to the dispatcher. */
export const CLIENT_METHODS = [
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'completion/complete',
  'logging/setLevel',
  'tasks/get',
  'tasks/result',
  'tasks/list',
  'tasks/cancel',
] as const;

export type ClientMethod = (typeof CLIENT_METHODS)[number];

const KNOWN: ReadonlySet<unknown> = new Set(CLIENT_METHODS);

export function isClientMethod(method: unknown): method is ClientMethod {
  return KNOWN.has(method);
}
