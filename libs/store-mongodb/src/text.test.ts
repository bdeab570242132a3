import { compareCodePoints, compareCodeUnits } from '@rapport/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText, encodeId, encodeText, fieldOf, propertyOf } from './text.js';

const unit = fc.oneof(
  fc.constantFrom(0, 0x24, 0x23, 0x41, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xe001, 0xe002, 0xffff),
  fc.integer({ min: 0, max: 0xffff }),
);
const text = fc.array(unit, { maxLength: 6 }).map((units) => String.fromCharCode(...units));
const bytes = (a: string, b: string) => Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
const sign = (order: number) => Math.sign(order) + 0;
const seeded = { seed: 7, numRuns: 3000 };

describe('stored text', () => {
  it('leaves ordinary text as it is', () => {
    expect(encodeId('user-42 é')).toBe('user-42 é');
    expect(fieldOf('feature')).toBe('feature');
  });
  it('comes back as it was, whatever it holds', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(decodeText(encodeId(value))).toBe(value);
        expect(decodeText(encodeText(value))).toBe(value);
        expect(Buffer.from(encodeId(value), 'utf8').toString('utf8')).toBe(encodeId(value));
      }),
      seeded,
    );
  });
  it('sorts by bytes as ids sort by code unit and texts by code point', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(sign(bytes(encodeId(a), encodeId(b)))).toBe(sign(compareCodeUnits(a, b)));
        expect(sign(compareCodeUnits(encodeId(a), encodeId(b)))).toBe(sign(compareCodeUnits(a, b)));
        expect(sign(bytes(encodeText(a), encodeText(b)))).toBe(sign(compareCodePoints(a, b)));
      }),
      seeded,
    );
  });
  it('makes one path step of any property name', () => {
    fc.assert(
      fc.property(
        fc.oneof(text, fc.constantFrom('', '__proto__', 'a.b', '$x', '0', '%', '%_a', '%24', '_id')),
        (name) => {
          expect(fieldOf(name)).toMatch(/^[^.$\0]+$/);
          expect(propertyOf(fieldOf(name))).toBe(name);
        },
      ),
      seeded,
    );
  });
});
