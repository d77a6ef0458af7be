/** Protocol revisions of the modern era, newest first (protocol page §1.1): no sessions, every request stands alone. */
export const MODERN_VERSIONS = ['2026-07-28'] as const;

export type ModernVersion = (typeof MODERN_VERSIONS)[number];

export function isModernVersion(value: unknown): value is ModernVersion {
  return (MODERN_VERSIONS as readonly unknown[]).includes(value);
}
