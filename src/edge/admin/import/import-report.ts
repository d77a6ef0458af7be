export type ImportedKind =
  'user' | 'organization' | 'team' | 'access_group' | 'mcp_server' | 'toolset' | 'customer' | 'key' | 'setting';

export type ImportAction = 'create' | 'update' | 'unchanged' | 'skip';

/** What became, or in a dry run would become, of one row. Holds no secrets. */
export interface ImportItem {
  readonly kind: ImportedKind;
  /** What people know it by: a name, an alias, the start of a hash. */
  readonly label: string;
  readonly action: ImportAction;
  /** For an update: the columns that differ. */
  readonly changes?: readonly string[];
  /** For a skip: why. */
  readonly reason?: string;
  readonly warnings?: readonly string[];
}

const TITLES: Readonly<Record<ImportedKind, string>> = {
  user: 'users',
  organization: 'organizations',
  team: 'teams',
  access_group: 'access groups',
  mcp_server: 'servers',
  toolset: 'toolsets',
  customer: 'customers',
  key: 'keys',
  setting: 'settings',
};

/** Collects items and counts; keeps what is worth a line and forgets the rest, so that a million keys fit. */
export class ImportReport {
  readonly #counts = new Map<ImportedKind, Record<ImportAction, number>>();
  readonly #lines: string[] = [];
  #unshown = 0;

  /** @param linesMax lines kept for the report; what is beyond is counted. */
  constructor(private readonly linesMax = 500) {}

  add(item: ImportItem): void {
    const counts = this.#counts.get(item.kind) ?? { create: 0, update: 0, unchanged: 0, skip: 0 };
    counts[item.action] += 1;
    this.#counts.set(item.kind, counts);
    const { kind, label } = item;
    if (item.action === 'create') this.#line(`+ ${kind} ${label}`);
    if (item.action === 'update') this.#line(`~ ${kind} ${label}: ${(item.changes ?? []).join(', ')}`);
    if (item.action === 'skip') this.#line(`! ${kind} ${label} is left out: ${item.reason ?? ''}`);
    for (const warning of item.warnings ?? []) this.#line(`! ${kind} ${label}: ${warning}`);
  }

  count(action: ImportAction): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + counts[action], 0);
  }

  /** The whole report, for people: lines, then one sum a kind. */
  format(dryRun: boolean): string {
    const more = this.#unshown === 0 ? [] : [`… and ${this.#unshown} more lines`];
    const sums = [...this.#counts].map(([kind, { create, update, unchanged, skip }]) => {
      const title = TITLES[kind].padEnd(14);
      return `${title} ${create} to create, ${update} to update, ${unchanged} unchanged, ${skip} left out`;
    });
    const worded = dryRun
      ? sums
      : sums.map((sum) => sum.replace('to create', 'created').replace('to update', 'updated'));
    const end = dryRun ? ['Nothing was written: this was a dry run. Run it again without --dry-run to import.'] : [];
    return [...this.#lines, ...more, ...worded, ...end, ''].join('\n');
  }

  #line(line: string): void {
    if (this.#lines.length < this.linesMax) this.#lines.push(line);
    else this.#unshown += 1;
  }
}
