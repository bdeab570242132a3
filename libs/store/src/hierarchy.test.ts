import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hierarchyOf } from './hierarchy.js';

type Links = Readonly<Record<string, string | null>>;
const of = (links: Links) => hierarchyOf(Object.keys(links), (account) => links[account] ?? null);
const families = (links: Links, depth: number) => Object.fromEntries(of(links).familiesAt(depth));

describe('a hierarchy', () => {
  it('of accounts without parents has no families', () => {
    const { depths, deepestParent, cycles } = of({ a: null, b: null });
    expect([...depths]).toEqual([['a', 0], ['b', 0]]); // prettier-ignore
    expect([deepestParent, cycles]).toEqual([-1, []]);
    expect(families({ a: null, b: null }, 0)).toEqual({});
  });

  it('has a family per parent of a depth, with all descendants', () => {
    const links = { leaf: 'middle', middle: 'top', top: null, aside: 'top', alone: null };
    expect(Object.fromEntries(of(links).depths)).toEqual({ top: 0, alone: 0, middle: 1, aside: 1, leaf: 2 });
    expect(of(links).deepestParent).toBe(1);
    expect(families(links, 0)).toEqual({ leaf: 'top', middle: 'top', top: 'top', aside: 'top' });
    expect(families(links, 1)).toEqual({ leaf: 'middle', middle: 'middle' });
    expect(families(links, 2)).toEqual({});
  });

  it('takes a parent that is no account for none', () => {
    expect(families({ a: 'nobody', b: 'a' }, 0)).toEqual({ a: 'a', b: 'a' });
  });

  it('does not follow the links of a circle, and keeps what hangs on it', () => {
    const links = { a: 'b', b: 'c', c: 'a', tail: 'b', end: 'tail', self: 'self', child: 'self' };
    const { cycles, depths, deepestParent } = of(links);
    expect(cycles.map((cycle) => [...cycle].sort())).toEqual([['a', 'b', 'c'], ['self']]); // prettier-ignore
    expect(Object.fromEntries(depths)).toEqual({ a: 0, b: 0, c: 0, tail: 1, end: 2, self: 0, child: 1 });
    expect(deepestParent).toBe(1);
    expect(families(links, 0)).toEqual({ b: 'b', tail: 'b', end: 'b', self: 'self', child: 'self' });
    expect(families(links, 1)).toEqual({ tail: 'tail', end: 'tail' });
  });

  it('bears any id and a long chain', () => {
    expect(families({ ['__proto__x']: 'constructor', constructor: null }, 0)).toEqual({
      __proto__x: 'constructor',
      constructor: 'constructor',
    });
    const ids = Array.from({ length: 20_000 }, (_, i) => String(i));
    const chain = hierarchyOf(ids, (id) => (id === '0' ? null : String(Number(id) - 1)));
    expect(chain.deepestParent).toBe(19_998);
    expect(chain.familiesAt(19_000).get('19999')).toBe('19000');
  });

  it('is what following each link by itself gives', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const parent = fc.constantFrom(null, 'nobody', ...ids);
    fc.assert(
      fc.property(fc.array(parent, { minLength: ids.length, maxLength: ids.length }), (parents) => {
        const links = new Map(ids.map((id, i) => [id, parents[i] ?? null]));
        const follow = (id: string, steps: number): string | null => {
          let at: string | null = id;
          for (let i = 0; i < steps && at !== null; i++) at = links.get(at) ?? null;
          return at !== null && links.has(at) ? at : null;
        };
        const circular = (id: string) => ids.some((_, steps) => follow(id, steps + 1) === id);
        const up = (id: string) => (circular(id) ? null : follow(id, 1));
        const ancestors = (id: string): readonly string[] => {
          const above = up(id);
          return above === null ? [id] : [id, ...ancestors(above)];
        };
        const isParent = (id: string) => ids.some((child) => up(child) === id);

        const hierarchy = hierarchyOf(ids, (id) => links.get(id) ?? null);
        expect(hierarchy.cycles.flat().sort()).toEqual(ids.filter(circular));
        for (const cycle of hierarchy.cycles)
          cycle.forEach((id, i) => {
            expect(links.get(id)).toBe(cycle[(i + 1) % cycle.length]);
          });
        expect(Object.fromEntries(hierarchy.depths)).toEqual(
          Object.fromEntries(ids.map((id) => [id, ancestors(id).length - 1])),
        );
        const deepest = Math.max(-1, ...ids.filter(isParent).map((id) => ancestors(id).length - 1));
        expect(hierarchy.deepestParent).toBe(deepest);
        for (let depth = 0; depth <= deepest + 1; depth++) {
          const expected = ids.flatMap((id) => {
            const head = ancestors(id).find((above) => isParent(above) && ancestors(above).length - 1 === depth);
            return head === undefined ? [] : [[id, head] as const];
          });
          expect([...hierarchy.familiesAt(depth)]).toEqual(expected);
        }
      }),
      { seed: 20240229, numRuns: 300 },
    );
  });
});
