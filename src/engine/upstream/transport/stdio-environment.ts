/**
 * What a program needs to run at all. Everything else of the gateway's environment (its database, its keys) is none of a
 * child's business.
 */
const INHERITED = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TMPDIR',
  'TMP',
  'TEMP',
  'SYSTEMROOT',
  'SYSTEMDRIVE',
  'WINDIR',
  'COMSPEC',
  'PATHEXT',
  'APPDATA',
  'LOCALAPPDATA',
  'USERPROFILE',
  'USERNAME',
  'PROGRAMFILES',
]);

/** The environment of a stdio child: the basics of the gateway's own, then what its definition and the caller gave it. */
export function childEnvironment(
  gateway: Readonly<Record<string, string | undefined>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(gateway)) {
    // Windows spells them as it likes (`Path`); where names have case, only the real ones count.
    const canonical = process.platform === 'win32' ? name.toUpperCase() : name;
    if (value !== undefined && (INHERITED.has(canonical) || canonical.startsWith('LC_'))) environment[name] = value;
  }
  return { ...environment, ...own };
}

/** Shorter values (`true`, `8080`) say nothing and would tear holes into ordinary text. */
const REDACTED_CHARS_MIN = 8;

/** Takes the values a child was given in its environment out of what it says, should it print them. */
export function environmentRedactor(own: Readonly<Record<string, string>>): (text: string) => string {
  const values = Object.values(own).filter((value) => value.length >= REDACTED_CHARS_MIN);
  return (text) => values.reduce((redacted, value) => redacted.replaceAll(value, '[redacted]'), text);
}
