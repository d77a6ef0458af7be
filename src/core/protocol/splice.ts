/** A piece of text to put in place of `text.slice(start, end)`. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly with: string;
}

/** Applies replacements that do not overlap, given in any order; everything between them stays as it came. */
export function splice(text: string, replacements: readonly Replacement[]): string {
  if (replacements.length === 1) {
    const [only] = replacements;
    if (only !== undefined) return text.slice(0, only.start) + only.with + text.slice(only.end);
  }
  let out = '';
  let at = 0;
  for (const replacement of replacements.toSorted((left, right) => left.start - right.start)) {
    out += text.slice(at, replacement.start) + replacement.with;
    at = replacement.end;
  }
  return out + text.slice(at);
}
