import type { AccessView } from '../model/access-view.js';

/** Nothing is to be seen: the scope a request came with means nothing to its caller any more. */
export const EMPTY_VIEW: AccessView = Object.freeze({
  servers: [],
  byServerId: new Map(),
  byPrefix: new Map(),
  naming: 'prefixed',
  separator: '-',
  wantsClientHeaders: false,
  wantsCaller: false,
  fingerprint: 'empty',
  get content(): AccessView {
    return EMPTY_VIEW;
  },
});
