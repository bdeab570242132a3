import { afterEach, describe, expect, it } from 'vitest';
import type { ReferenceRule } from '@rapport/rules';
import { createReferenceEngine, AT_ONCE, type ReferenceEngine, type ReferenceLimits } from './reference.js';
import { verdictKey } from './reference-protocol.js';

const engines: ReferenceEngine[] = [];
const engineWith = (limits: Partial<ReferenceLimits> = {}): ReferenceEngine => {
  const engine = createReferenceEngine({ timeMs: 60_000, memoryMb: 256, ...limits });
  engines.push(engine);
  return engine;
};
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

const rule = (conditions: unknown, more: Partial<ReferenceRule> = {}): ReferenceRule => ({
  conditions, named: {}, allowUndefinedConditions: false, allowUndefinedFacts: false, ...more,
}); // prettier-ignore
const is = (fact: string, operator: string, value: unknown) => ({ fact, operator, value });
const nothing = { operators: [], verdicts: [] };
const low = rule({ all: [is('score', 'lessThan', 40)] });

describe('json-rules-engine in a thread', () => {
  it('answers for each subject in turn, also for more than it is given at once', async () => {
    const facts = Array.from({ length: AT_ONCE * 2 + 3 }, (_, i) => (i % 50 === 7 ? {} : { score: i % 80 }));
    const { answers, reason } = await engineWith().evaluate({ rule: low, facts, ...nothing });
    expect(answers).toEqual(facts.map(({ score }) => (score === undefined ? 'rejects' : score < 40)));
    expect(reason).toBe('Undefined fact: score');
  });

  it('outlives a rejection that json-rules-engine leaves unhandled, and tells it', async () => {
    const both = rule({ any: [is('absent', 'equal', 1), { condition: 'nowhere' }] });
    const engine = engineWith();
    expect(await engine.evaluate({ rule: both, facts: [{ score: 1 }, { score: 2 }], ...nothing })).toMatchObject({
      answers: ['rejects', 'rejects'],
    });
    expect((await engine.evaluate({ rule: low, facts: [{ score: 1 }], ...nothing })).answers).toEqual([true]);
  });

  it('is ended where it hangs, for that subject alone, and asked again about the next', async () => {
    // A text that takes a regular expression nowhere: what an operator of its own would do, done by a reference to itself.
    const endless = rule(
      { any: [{ all: [is('hang', 'equal', true), { condition: 'itself' }] }] },
      { named: { itself: { all: [{ condition: 'itself' }] } } },
    );
    const engine = engineWith({ timeMs: 4000, memoryMb: 64 });
    const { answers, reason } = await engine.evaluate({ rule: endless, facts: [{ hang: true }], ...nothing });
    expect(answers.every((answer) => answer === 'no answer' || answer === 'rejects')).toBe(true);
    expect(reason).not.toBeNull();
    expect((await engine.evaluate({ rule: low, facts: [{ score: 1 }], ...nothing })).answers).toEqual([true]);
  }, 60_000);

  it('asks operators of plugins by the verdicts it is given', async () => {
    const uses = rule({ all: [is('plan', 'not:endsWith', 'o')] });
    const { answers } = await engineWith().evaluate({
      rule: uses,
      facts: [{ plan: 'pro' }, { plan: 'team' }, { plan: 5 }, { plan: 'odd' }],
      operators: ['endsWith'],
      verdicts: [
        [verdictKey('endsWith', 'o', 'pro'), true],
        [verdictKey('endsWith', 'o', 'team'), false],
        [verdictKey('endsWith', 'o', 'odd'), null],
      ],
    });
    expect(answers).toEqual([false, true, true, 'rejects']);
  });

  it('says why json-rules-engine does not take a rule', async () => {
    const { answers, reason } = await engineWith().evaluate({ rule: rule({ all: 5 }), facts: [{}, {}], ...nothing });
    expect(answers).toEqual(['rejects', 'rejects']);
    expect(reason).toContain('must be an array');
  });
});
