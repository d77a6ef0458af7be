import type { AccessView } from '../model/access-view.js';

/** What somebody sees otherwise than before. */
export interface ViewDifference {
  readonly tools: boolean;
  /** Prompts, resources and templates. */
  readonly content: boolean;
}

const SAME: ViewDifference = Object.freeze({ tools: false, content: false });

/** Whether the visible sets differ, by servers and what is granted of them. Undefined sees nothing. */
export function viewDifference(before: AccessView | undefined, after: AccessView | undefined): ViewDifference {
  if (before === after) return SAME;
  const renamed =
    before !== undefined &&
    after !== undefined &&
    (before.naming !== after.naming || before.separator !== after.separator);
  return {
    tools: renamed || !seesSame(before, after, true),
    content: renamed || !seesSame(before?.content, after?.content, false),
  };
}

function seesSame(before: AccessView | undefined, after: AccessView | undefined, byTools: boolean): boolean {
  const [former, present] = [before?.servers ?? [], after?.servers ?? []];
  if (former.length !== present.length) return false;
  return former.every((server, index) => {
    const other = present[index];
    if (other?.entry !== server.entry) return false;
    return !byTools || other.toolsFingerprint === server.toolsFingerprint;
  });
}
