import { readFileSync } from 'node:fs';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.js';

const schema = readFileSync('prisma/schema.prisma', 'utf8');
const columns: readonly SealedColumn[] = Object.values(SEALED_COLUMNS);

interface Field {
  readonly table: string;
  readonly column: string;
  readonly comment: string;
  readonly isKey: boolean;
}

function fieldsOf(model: string): Field[] {
  const table = /@@map\("(\w+)"\)/.exec(model)?.[1] ?? '';
  const keys = /@@id\(\[([^\]]*)\]/.exec(model)?.[1]?.split(/,\s*/) ?? [];
  const fields: Field[] = [];
  let comment = '';
  for (const line of model
    .split('\n')
    .slice(1)
    .map((text) => text.trim())) {
    if (line.startsWith('///')) comment += line;
    else {
      const name = /^(\w+)\s+\w+/.exec(line)?.[1];
      if (name !== undefined) {
        const column = /@map\("(\w+)"\)/.exec(line)?.[1] ?? name;
        fields.push({ table, column, comment, isKey: /\s@id\b/.test(line) || keys.includes(name) });
      }
      comment = '';
    }
  }
  return fields;
}

const fields = [...schema.matchAll(/^model \w+ \{\n[\s\S]*?^\}/gm)].flatMap(([model]) => fieldsOf(model));

// A column that holds sealed text is named so or says so in its comment; the schema has no other mark for it.
const sealed = fields.filter(({ column, comment }) => column.includes('seal') || /seal|cipher/i.test(comment));

test('every sealed column of the schema is known to rotate-salt, and none that is not there', () => {
  const name = ({ table, column }: { table: string; column: string }) => `${table}.${column}`;
  expect(sealed.length).toBeGreaterThan(1);
  expect(columns.map(name).sort()).toEqual(sealed.map(name).sort());
});

test('the key of a sealed column is the primary key of its table', () => {
  for (const { table, key } of columns) {
    const primary = fields.filter((field) => field.table === table && field.isKey).map(({ column }) => column);
    expect([table, Object.keys(key).sort()]).toEqual([table, primary.sort()]);
  }
});

test('no two columns are sealed for the same purpose', () => {
  expect(new Set(columns.map(({ purpose }) => purpose)).size).toBe(columns.length);
});
