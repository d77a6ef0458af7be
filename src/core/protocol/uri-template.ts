/** Longest template that is tried; a template is an upstream's data. */
const TEMPLATE_LENGTH_MAX = 2_048;

/**
 * Whether a URI could come from an RFC 6570 template. Literal pieces must stand in order; an expression stands for any
 * text, so the answer may be yes where a full expansion would say no, never the other way round. Runs in linear time:
 * templates are untrusted.
 */
export function templateMatches(template: string, uri: string): boolean {
  if (template.length > TEMPLATE_LENGTH_MAX) return false;
  const literals = template.split(/\{[^{}]*\}/);
  const [first = '', ...rest] = literals;
  if (!uri.startsWith(first)) return false;
  const last = rest.pop();
  if (last === undefined) return uri === first;
  let at = first.length;
  for (const literal of rest) {
    const found = uri.indexOf(literal, at);
    if (found === -1) return false;
    at = found + literal.length;
  }
  return uri.length - last.length >= at && uri.endsWith(last);
}
