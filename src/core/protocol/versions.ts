/** Protocol revisions of the legacy era, newest first (protocol page §1.1). All of them are answered in `initialize`. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'] as const;

export type LegacyVersion = (typeof LEGACY_VERSIONS)[number];

export const LATEST_LEGACY_VERSION: LegacyVersion = LEGACY_VERSIONS[0];

/** What a request without a version header and without a session speaks (2025-06-18, "Protocol Version Header"). */
export const ASSUMED_VERSION: LegacyVersion = '2025-03-26';

export function isLegacyVersion(value: unknown): value is LegacyVersion {
  return (LEGACY_VERSIONS as readonly unknown[]).includes(value);
}

/** Streams begin with an event to resume from, and may be closed and polled (added in 2025-11-25). */
export function resumesStreams(version: LegacyVersion): boolean {
  return version === '2025-11-25';
}

/** JSON-RPC batches existed in this revision only (added in 2025-03-26, removed in 2025-06-18). */
export function allowsBatches(version: LegacyVersion): boolean {
  return version === '2025-03-26';
}
