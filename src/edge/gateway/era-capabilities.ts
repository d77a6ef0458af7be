import { clientCapabilities, type ClientCapabilities } from '../../core/model/client-capabilities.js';
import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import { withMembersSet, withoutMembers } from '../../core/protocol/modern/object-text.js';
import { declaresTasks, takesToolTasks, TASKS_EXTENSION } from '../../core/protocol/modern/tasks-extension.js';

/** Extensions of the modern era that a client of the legacy era cannot take part in. */
const MODERN_EXTENSIONS: ReadonlySet<string> = new Set([TASKS_EXTENSION]);

/** What upstreams are told of a legacy client (raw object): what it declared, without extensions that cannot pass. */
export function legacyClientCapabilities(capabilitiesText: string | undefined): ClientCapabilities {
  if (capabilitiesText?.startsWith('{') !== true) return clientCapabilities(capabilitiesText);
  const extensions = findMember(scanObject(capabilitiesText), 'extensions');
  if (extensions === undefined || capabilitiesText.charCodeAt(extensions.start) !== 0x7b) {
    return clientCapabilities(capabilitiesText);
  }
  const declared = capabilitiesText.slice(extensions.start, extensions.end);
  const kept = withoutMembers(declared, MODERN_EXTENSIONS);
  if (kept === declared) return clientCapabilities(capabilitiesText);
  return clientCapabilities(withMembersSet(capabilitiesText, new Map([['extensions', kept]])));
}

/** What servers offer together, as a client of the legacy era is told: without extensions that it cannot take part in. */
export function legacyOffer(capabilities: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { extensions, ...others } = capabilities;
  return withExtensions(others, passing(extensions));
}

/**
 * The same for a client of the modern era: tasks of 2025-11-25, which that does not know, are offered as the extension that
 * took their place.
 */
export function modernOffer(capabilities: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { tasks: _tasks, extensions, ...others } = capabilities;
  if (!takesToolTasks(capabilities) || declaresTasks(capabilities)) return withExtensions(others, extensions);
  return withExtensions(others, { ...passing(extensions), [TASKS_EXTENSION]: {} });
}

function passing(extensions: unknown): Readonly<Record<string, unknown>> {
  if (typeof extensions !== 'object' || extensions === null) return {};
  return Object.fromEntries<unknown>(Object.entries(extensions).filter(([name]) => !MODERN_EXTENSIONS.has(name)));
}

function withExtensions(others: Record<string, unknown>, extensions: unknown): Record<string, unknown> {
  if (typeof extensions !== 'object' || extensions === null || Object.keys(extensions).length === 0) return others;
  return { ...others, extensions };
}
