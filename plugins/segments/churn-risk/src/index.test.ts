import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import segment from './index.js';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  rapport: { requires: Record<string, string> };
};
const { enter, exit, minimumDwell, tests = [] } = segment.document;
type Facts = (typeof tests)[number]['facts'];

const score = 'engagement-score.change';
const silent = 'segment.usage-frequency-classes.silent';
const detractors = 'nps.detractors';
const open = 'support-load.open';
const utilization = 'license-utilization.changeRate';
const factsIn = (condition: unknown) =>
  new Set([...JSON.stringify(condition).matchAll(/"fact":"([^"]+)"/g)].map(([, fact]) => fact));

/** The signs that an account shows, told a second time; null for one that nobody can know. */
const signsOf = (facts: Facts): readonly (boolean | null)[] => {
  const number = (fact: string, test: (value: number) => boolean) => {
    const value = facts[fact];
    return typeof value === 'number' ? test(value) : null;
  };
  const unhappy = number(detractors, (n) => n >= 1);
  const waiting = number(open, (n) => n >= 1);
  return [
    number(score, (points) => points <= -20),
    facts[silent] === true,
    unhappy === false || waiting === false ? false : unhappy && waiting,
    number(utilization, (rate) => rate <= -0.25),
  ];
};
function verdictOf(facts: Facts): string {
  if (facts['trait.status'] === 'churned' || facts['trait.status'] === 'lapsed') return 'out';
  const signs = signsOf(facts);
  if (signs.includes(true)) return 'in';
  // Nobody was asked, and all else is well: that is over, so it lets nobody in.
  const well = facts[silent] === false && Number(facts[score] ?? NaN) > -10 && Number(facts[utilization] ?? NaN) > -0.1;
  if (well && (facts[detractors] ?? null) === null) return 'out';
  return signs.includes(null) ? 'unknown' : 'out';
}

// Rapport runs the document's own tests whenever it loads the segment, and refuses it when one fails. What is checked here is
// that those tests say what is meant, and that the way out is the way in, with more to go.
describe('churn risk', () => {
  it.each(tests.map((test) => [test.name, test] as const))('%s', (_name, test) => {
    expect(test.expect).toBe(verdictOf(test.facts));
  });

  it('is tested with each sign alone', () => {
    const alone = tests.map(({ facts }) => signsOf(facts)).filter((signs) => signs.filter(Boolean).length === 1);
    expect(new Set(alone.map((signs) => signs.indexOf(true)))).toEqual(new Set([0, 1, 2, 3]));
  });

  it.each([
    [score, -20, 'in'],
    [score, -19.9, 'out'],
    [utilization, -0.25, 'in'],
    [utilization, -0.249, 'out'],
  ])('is tested with %s at %d: %s', (fact, value, expected) => {
    expect(tests.filter(({ facts }) => facts[fact] === value)).toMatchObject([{ expect: expected }]);
  });

  it('looks at the same facts on the way out, and asks for more', () => {
    expect(factsIn(exit)).toEqual(factsIn(enter));
    const text = JSON.stringify(exit);
    expect(text).toContain(JSON.stringify({ fact: score, operator: 'greaterThan', value: -10 }));
    expect(text).toContain(JSON.stringify({ fact: silent, operator: 'equal', value: false }));
    expect(text).toContain(JSON.stringify({ fact: utilization, operator: 'greaterThan', value: -0.1 }));
    expect(minimumDwell).toBe('7d');
  });

  it('requires the metrics and the segment it rests on', () => {
    expect(Object.keys(manifest.rapport.requires).sort()).toEqual([
      'engagement-score',
      'license-utilization',
      'nps',
      'segment/usage-frequency-classes',
      'support-load',
    ]);
  });
});
