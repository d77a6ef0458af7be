import { SlotTable } from './slot-table.js';

test('what is added and not deleted is there, and slots of what was deleted are used again', () => {
  const table = new SlotTable<string>();
  const slots = ['a', 'b', 'c'].map((item) => table.add(item));
  table.delete(slots[1] ?? -1);
  expect([...table]).toEqual(['a', 'c']);
  expect(table.size).toBe(2);
  expect(table.add('d')).toBe(slots[1]);
  expect([...table].toSorted()).toEqual(['a', 'c', 'd']);
  expect(table.size).toBe(3);
});

test('items may delete themselves while the table is walked', () => {
  const table = new SlotTable<{ slot: number }>();
  for (let count = 0; count < 5; count += 1) {
    const item = { slot: -1 };
    item.slot = table.add(item);
  }
  let seen = 0;
  for (const item of table) {
    seen += 1;
    table.delete(item.slot);
  }
  expect(seen).toBe(5);
  expect(table.size).toBe(0);
});
