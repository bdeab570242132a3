import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvReader, type CsvFault, type CsvRecord } from './csv.js';

function read(text: string, delimiter?: string, longest?: number): { records: CsvRecord[]; faults: CsvFault[] } {
  const records: CsvRecord[] = [];
  const faults: CsvFault[] = [];
  const reader = csvReader({ record: (r) => records.push(r), fault: (f) => faults.push(f) }, delimiter, longest);
  text.split('\n').forEach((line, i) => reader.push(i + 1, line));
  reader.end();
  return { records, faults };
}
const cellsOf = (text: string, delimiter?: string) => read(text, delimiter).records.map(({ cells }) => cells);

describe('records of a CSV file', () => {
  it('agree with csv-parse on whatever is well formed', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ' ', 'ü', '"', ',', ';', '\n', '\r\n'), maxLength: 6 });
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 });
    const write = (value: string, quoted: boolean) =>
      quoted || /[",;\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
    fc.assert(
      fc.property(rows, fc.boolean(), fc.constantFrom('\n', '\r\n'), (written, quoted, end) => {
        const text = written.map((row) => row.map((value) => write(value, quoted)).join(',')).join(end);
        const expected = parse(text, { relax_column_count: true, record_delimiter: ['\n', '\r\n'] });
        expect(cellsOf(text)).toEqual(expected);
        expect(cellsOf(text)).toEqual(written);
      }),
      { seed: 11, numRuns: 1000 },
    );
  });

  it('say on which physical line they begin, quoted line breaks or not', () => {
    expect(read('a,b\n"one\ntwo\nthree",x\n\nc,d').records).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 2, cells: ['one\ntwo\nthree', 'x'] },
      { line: 6, cells: ['c', 'd'] },
    ]);
  });

  it('may be cut by another delimiter', () => {
    expect(cellsOf('a;b,c\n"x;y";z', ';')).toEqual([
      ['a', 'b,c'],
      ['x;y', 'z'],
    ]);
    expect(cellsOf('a\tb', '\t')).toEqual([['a', 'b']]);
  });

  it('lose no more than their own line to a quote that is never closed', () => {
    const { records, faults } = read('a,b\n"open,1\nc,d\ne,f');
    expect(records.map(({ line }) => line)).toEqual([1, 3, 4]);
    expect(faults).toMatchObject([{ line: 2, code: 'RAPPORT_IMPORT_CSV_QUOTE', text: '"open,1' }]);
  });

  it('stop waiting for a closing quote when the record gets too long', () => {
    const rows = Array.from({ length: 1000 }, (_, i) => `row,${i}`);
    const { records, faults } = read(['"open', ...rows].join('\n'), ',', 500);
    expect(records).toHaveLength(1000);
    expect(faults).toMatchObject([{ line: 1 }]);
  });

  it('refuse text after a closing quote and quotes inside a bare cell, and go on', () => {
    const { records, faults } = read('a,b\n"x"y,1\nx"y,"2"\n"fine ""quoted""",3');
    expect(faults.map(({ line }) => line)).toEqual([2, 3]);
    expect(records.map(({ cells }) => cells)).toEqual([
      ['a', 'b'],
      ['fine "quoted"', '3'],
    ]);
  });

  it('account for every line of any text whatever', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r'), maxLength: 60 });
    fc.assert(
      fc.property(text, (written) => {
        const { records, faults } = read(written, ',', 20);
        const lines = [...records, ...faults].map(({ line }) => line);
        expect(new Set(lines).size).toBe(lines.length);
        for (const [i, line] of written.split('\n').entries()) {
          if (line.replace(/\r$/, '') === '') continue;
          const inside = records.some(
            (r) => r.line <= i + 1 && i + 1 <= r.line + r.cells.join('').split('\n').length - 1,
          );
          expect(inside || lines.includes(i + 1)).toBe(true);
        }
      }),
      { seed: 3, numRuns: 3000 },
    );
  });
});
