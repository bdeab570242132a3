import { expect, it } from 'vitest';
import { documentChanges } from './diff.js';

it('says where documents differ, and nothing where they do not', () => {
  const before = {
    id: 'a',
    bands: [
      { id: 'low', enter: { value: 1 } },
      { id: 'high', enter: { value: 9 } },
    ],
    'x/y': 1,
  };
  expect(documentChanges(before, structuredClone(before))).toEqual([]);
  expect(
    documentChanges(before, { 'x/y': 2, id: 'a', bands: [before.bands[1], { id: 'low', enter: { value: 2 } }] }),
  ).toEqual([
    { pointer: '/bands/low/enter/value', before: 1, after: 2 },
    { pointer: '/x~1y', before: 1, after: 2 },
  ]);
  expect(documentChanges(before, { id: 'a', bands: [before.bands[0]], tests: [] })).toEqual([
    { pointer: '/bands/high', before: before.bands[1] },
    { pointer: '/x~1y', before: 1 },
    { pointer: '/tests', after: [] },
  ]);
  expect(documentChanges({ all: [1, 2] }, { all: [1, 3] })).toEqual([{ pointer: '/all/1', before: 2, after: 3 }]);
  expect(documentChanges({ enter: [1] }, { enter: 1 })).toEqual([{ pointer: '/enter', before: [1], after: 1 }]);
});
