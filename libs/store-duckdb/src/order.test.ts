import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareCodeUnits } from '@rapport/store';
import { originalId, storedId } from './order.js';

const ids = fc.string({ unit: 'grapheme' });
const edges = fc.constantFrom('', 'a', '퟿', '', '￿', '😀', '💼', 'a😀', 'a', '\u{10ffff}');
const compareBytes = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));

it('stores ids so that their bytes are in the order of code units', () => {
  const id = fc.oneof(
    ids,
    edges,
    fc.tuple(edges, edges).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(id, id, (a, b) => {
      expect(compareBytes(storedId(a), storedId(b))).toBe(compareCodeUnits(a, b));
      expect(originalId(storedId(a))).toBe(a);
    }),
    { seed: 1, numRuns: 2000 },
  );
});
