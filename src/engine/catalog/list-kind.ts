/** The four things an upstream can list, and how the protocol spells each. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'templates';

export interface ListKindFacts {
  readonly method: string;
  /** Member of the result that holds the items. */
  readonly resultKey: string;
  /** Member of an item that identifies it within its server. */
  readonly identity: 'name' | 'uri' | 'uriTemplate';
  /** Capability an upstream must declare to be asked. */
  readonly capability: 'tools' | 'prompts' | 'resources';
  readonly changedNotification: string;
}

export const LIST_KINDS: Readonly<Record<ListKind, ListKindFacts>> = {
  tools: {
    method: 'tools/list',
    resultKey: 'tools',
    identity: 'name',
    capability: 'tools',
    changedNotification: 'notifications/tools/list_changed',
  },
  prompts: {
    method: 'prompts/list',
    resultKey: 'prompts',
    identity: 'name',
    capability: 'prompts',
    changedNotification: 'notifications/prompts/list_changed',
  },
  resources: {
    method: 'resources/list',
    resultKey: 'resources',
    identity: 'uri',
    capability: 'resources',
    changedNotification: 'notifications/resources/list_changed',
  },
  templates: {
    method: 'resources/templates/list',
    resultKey: 'resourceTemplates',
    identity: 'uriTemplate',
    capability: 'resources',
    changedNotification: 'notifications/resources/list_changed',
  },
};

export const ALL_LIST_KINDS: readonly ListKind[] = ['tools', 'prompts', 'resources', 'templates'];

/** Which lists a notification of an upstream makes old; empty for anything that is not a list_changed. */
export function kindsChangedBy(method: unknown): readonly ListKind[] {
  return ALL_LIST_KINDS.filter((kind) => LIST_KINDS[kind].changedNotification === method);
}
