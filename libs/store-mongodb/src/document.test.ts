import { zone } from '@rapport/sdk/time';
import { compareCodeUnits } from '@rapport/store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentOf, hashOf, orderKey, propertiesOf } from './document.js';
import { encodeId } from './text.js';

describe('a message as a document', () => {
  it('has an order key that sorts as (time, id) does, to the millisecond', () => {
    const near = fc.integer({ min: 1_708_991_999_990, max: 1_708_992_000_010 });
    const time = fc.oneof(near, fc.integer({ min: -8.64e15, max: 8.64e15 }));
    const id = fc.string({ unit: 'binary', maxLength: 3 });
    fc.assert(
      fc.property(time, id, time, id, (t1, id1, t2, id2) => {
        const order = compareCodeUnits(orderKey(t1, encodeId(id1)), orderKey(t2, encodeId(id2)));
        expect(order).toBe(Math.sign(t1 - t2) || compareCodeUnits(id1, id2));
      }),
      { seed: 5, numRuns: 3000 },
    );
  });

  it('gives its properties back as they came', () => {
    const properties = JSON.parse(
      '{"n":1.5,"zero":0,"s":"text","$s":"$x","a.b":true,"":null,"__proto__":{"x":[1]},"0":[],"e":"😀","d":"2024-02-29"}',
    ) as Record<string, never>;
    const event = { name: 'Opened', user: 'ann', account: null, session: null, properties };
    const document = documentOf({ id: 'one', time: 0, event }, 1, zone('UTC'), false);
    expect(Object.entries(propertiesOf(document)).sort()).toEqual(Object.entries(properties).sort());
    expect(document).toMatchObject({
      num: { n: 1.5 },
      at: { d: Date.UTC(2024, 1, 29) },
      key: { n: '1.5', 'a%2eb': 'true' },
    });
  });

  it('is told from others by all of its id', () => {
    const ids = ['a', 'A', 'a ', '', '\ud800', '\ud801', '\ufffd'];
    expect(new Set(ids.map((id) => hashOf(id).toString('hex'))).size).toBe(ids.length);
  });
});
