import { findMember, scanObject } from '../json-scan.js';
import { withMembersSet } from './object-text.js';

/** Whether these are the params of an elicitation that sends the user to a page. */
export function isUrlElicitation(method: string, params: string | undefined): params is string {
  if (method !== 'elicitation/create' || params?.startsWith('{') !== true) return false;
  const mode = findMember(scanObject(params), 'mode');
  return mode !== undefined && params.slice(mode.start, mode.end) === '"url"';
}

/**
 * Raw params of a server's question as clients of the legacy era take them: a page to visit has an id there (2025-11-25,
 * "URL Mode"), which servers of the modern era do not give. Everything else is the same in both.
 */
export function toLegacyQuestion(method: string, params: string, id: string): string {
  if (!isUrlElicitation(method, params)) return params;
  const members = scanObject(params);
  if (findMember(members, 'elicitationId') !== undefined) return params;
  return withMembersSet(params, new Map([['elicitationId', JSON.stringify(id)]]), members);
}
