/** What `~/.aws/credentials` and `~/.aws/config` say of one profile, settings by name. */
export type SharedProfile = Readonly<Record<string, string>>;

/**
 * Reads one of the two shared files of AWS: sections in brackets, `name = value` in them, `#` and `;` begin comments.
 * Nested settings (indented lines) are left out: none of them is about keys.
 *
 * @param isConfig sections of the config file are called `profile NAME`, but for `default`.
 */
export function parseSharedFile(text: string, isConfig: boolean): ReadonlyMap<string, SharedProfile> {
  const profiles = new Map<string, Record<string, string>>();
  let section: Record<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const header = /^\[\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) {
      const name = isConfig ? (header === 'default' ? header : /^profile\s+(.+)$/.exec(header)?.[1]) : header;
      section = name === undefined ? undefined : (profiles.get(unquoted(name)) ?? {});
      if (name !== undefined && section !== undefined) profiles.set(unquoted(name), section);
    } else if (section !== undefined && /^[^\s#;]/.test(line)) {
      const equals = line.indexOf('=');
      if (equals < 1) continue;
      const value = line.slice(equals + 1).replace(/\s[#;].*$/, '');
      section[line.slice(0, equals).trim().toLowerCase()] = value.trim();
    }
  }
  return profiles;
}

function unquoted(name: string): string {
  return name.replace(/^"(.*)"$/, '$1');
}
