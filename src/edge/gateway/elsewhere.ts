import type { Place } from '../../core/model/place.js';

/** Thrown by a method before anything was sent: what its call works on is at another place, and the call belongs there. */
export class Elsewhere extends Error {
  override readonly name = 'Elsewhere';

  constructor(
    readonly place: Place,
    /** Names what it works on, for `StateHomes`. */
    readonly stateId: string,
  ) {
    super(`served by ${place.tag}`);
  }
}
