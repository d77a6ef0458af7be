import { findMember, scanObject } from '../json-scan.js';
import type { RequestParams } from '../request-params.js';
import { ENVELOPE_KEYS } from './meta-keys.js';
import { withMembersSet, withoutMembers } from './object-text.js';

/** Members of params that belong to multi round-trip requests. */
const ROUND_MEMBERS: ReadonlySet<string> = new Set(['inputResponses', 'requestState']);

/**
 * The params of a modern request as an upstream of the legacy era may have them: without the envelope, which concerns
 * this hop only, and without what belongs to its rounds. Other `_meta` (trace context, progress token, vendor keys),
 * arguments and unknown members stay as they came.
 */
export function toLegacyParams(params: RequestParams): RequestParams {
  let { text } = params;
  const meta = findMember(params.members, '_meta');
  if (meta !== undefined && text.charCodeAt(meta.start) === 0x7b) {
    const metaText = text.slice(meta.start, meta.end);
    const kept = withoutMembers(metaText, ENVELOPE_KEYS);
    text =
      kept === '{}'
        ? withoutMembers(text, new Set(['_meta']), params.members)
        : withMembersSet(text, new Map([['_meta', kept]]), params.members);
  }
  text = withoutMembers(text, ROUND_MEMBERS);
  return { text, value: params.value, members: scanObject(text) };
}
