import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinRecord, partsOfRecord, splitRecord } from './record-parts.js';

const stored = (record: unknown) => {
  const { parts, head } = splitRecord(record);
  const written = head(parts.map((_, i) => String(i)));
  return { parts, written, again: joinRecord(written, (ref) => parts[Number(ref)] ?? '') };
};

describe('a record in parts', () => {
  it('is the same again', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ minLength: 300 }), (value, long) => {
        for (const record of [value, { ...(value as object), long, $ref: { 'a.b': long } }])
          expect(stored(record).again).toEqual(JSON.parse(JSON.stringify(record)));
      }),
    );
  });

  it('is null where there is none', () => expect(stored(undefined).again).toBeNull());

  it('has its long entries as parts, which two records share', () => {
    const metrics = { nps: 'x'.repeat(300) };
    const [first, second] = [stored({ asOf: 1, metrics }), stored({ asOf: 2, metrics })];
    expect(first.parts).toEqual([JSON.stringify(metrics)]);
    expect(second.parts).toEqual(first.parts);
    expect(partsOfRecord(first.written)).toEqual(['0']);
    expect(first.written.length).toBeLessThan(200);
  });
});
