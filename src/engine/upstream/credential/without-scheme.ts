/** The credential without its scheme, if somebody wrote `Bearer …` where only the token was asked for. */
export function withoutScheme(value: string, scheme: 'bearer' | 'basic' | 'token'): string {
  return value.slice(0, scheme.length + 1).toLowerCase() === `${scheme} `
    ? value.slice(scheme.length + 1).trim()
    : value;
}
