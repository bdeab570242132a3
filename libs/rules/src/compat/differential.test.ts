import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases, compare, type Agreement } from './differential.test.fixture.js';
import { randomCases } from '../random-cases.test.fixture.js';
import { outlivingIt } from './reference.test.fixture.js';

const numRuns = randomCases(1000);
const seed = Number(process.env['RAPPORT_SEED'] ?? 20240229);

describe('any rule on any facts', () => {
  it(`has the verdict and the result of json-rules-engine, or fails as it does (${numRuns} cases)`, async () => {
    const counts: Record<Agreement, number> = { true: 0, false: 0, rejected: 0, circular: 0 };
    await outlivingIt(() =>
      fc.assert(
        fc.asyncProperty(cases, async (one) => {
          counts[await compare(one)] += 1;
        }),
        { numRuns, seed },
      ),
    );
    // Else the cases would say little.
    for (const count of [counts.true, counts.false, counts.rejected]) expect(count).toBeGreaterThan(numRuns / 10);
  }, 600_000);
});
