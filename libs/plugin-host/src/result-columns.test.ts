import fc from 'fast-check';
import { expect, it } from 'vitest';
import { resultColumns } from './result-columns.js';

/** Items of whatever may separate items: line ends, commas, quotes, nothing. */
const item = fc.string({ unit: fc.constantFrom('\n', ',', '"', '\\', '\0', ' ', 'x', 'y'), maxLength: 3 });
const named = fc.record({ text: item, list: fc.array(item, { maxLength: 3 }) });

it('shows every subject its own text, list and table, whatever is in them', () => {
  const parts = {
    text: { type: 'text', description: 'x' },
    list: { type: 'list', description: 'x' },
    table: { type: 'table', description: 'x' },
  } as const;
  fc.assert(
    fc.property(fc.array(named, { maxLength: 30 }), (subjects) => {
      const columns = resultColumns({ id: 'm', range: [null, null], parts }, subjects.length);
      subjects.forEach(({ text, list }, i) => {
        const table = Object.fromEntries(list.map((name, n) => [name, n]));
        expect(columns.write(i, { value: i, parts: { text, list, table } })).toBeNull();
      });
      const found = columns.finish();
      const [texts, lists, tables] = [found['m.text']!, found['m.list']!, found['m.table']!];
      if (texts.type !== 'text' || lists.type !== 'json' || tables.type !== 'keyed') throw new Error('other columns');
      subjects.forEach(({ text, list }, i) => {
        expect(texts.dictionary[texts.codes[i]!]).toBe(text);
        expect(lists.values[i]).toEqual(list);
        const keys = [...tables.keys.subarray(tables.offsets[i], tables.offsets[i + 1])];
        expect(keys.map((key) => tables.dictionary?.[key])).toEqual([...new Set(list)].sort());
      });
      const own = new Set(lists.values.map((list) => JSON.stringify(list)));
      expect(new Set(lists.values).size, 'equal lists are held once').toBe(own.size);
    }),
  );
});
