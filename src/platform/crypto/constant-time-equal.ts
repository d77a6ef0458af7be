import { hash, timingSafeEqual } from 'node:crypto';

/**
 * Whether two texts are equal, in a time that depends on neither content nor the place of the first difference. Both
 * are hashed first, so texts of different length may be compared and their length does not show.
 */
export function constantTimeEqual(left: string, right: string): boolean {
  return timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));
}
