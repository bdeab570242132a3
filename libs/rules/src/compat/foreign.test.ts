import { anyTime } from '../moment.js';
import { Engine, Operator, Rule, type TopLevelCondition } from 'json-rules-engine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogueOf } from '../catalogue.js';
import { columnar, verdictAt } from '../columnar.js';
import { evaluate } from '../condition.js';
import { answeredBy, operatorSet } from '../operator-registration.js';
import { conditionsOf, factsOf } from '../resolution.js';
import { schemaFor } from '../schema.js';
import { trace } from '../trace.js';
import { checkSegment } from '../validation.js';
import { undecorated } from './foreign.js';

const { operators } = operatorSet([
  {
    name: 'endsWith',
    reading: 'text',
    value: { type: 'string' },
    description: 'The text ends with this.',
    words: ['ends with', 'does not end with'],
    test: (fact, value) => String(fact).endsWith(String(value)),
  },
  {
    name: 'acmeStartsWith',
    compatName: 'startsWith',
    reading: 'any',
    value: { type: ['string', 'number'] },
    description: 'The text begins with this.',
    words: ['begins with', 'does not begin with'],
    test: (fact, value) => String(fact).startsWith(String(value)),
  },
]);

const segment = (enter: unknown) => ({
  kind: 'segment', id: 's', title: 'S', subject: 'account', mode: 'compat', enter, allowUndefinedFacts: true,
}); // prettier-ignore
const problemsOf = (enter: unknown, known = operators) => {
  const checked = checkSegment(segment(enter), known);
  return checked.ok ? [] : checked.problems.map(({ code, pointer }) => `${code} ${pointer}`);
};
const conditionOf = (enter: unknown) => {
  const checked = checkSegment(segment(enter), operators);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const [rule] = conditionsOf(checked.document);
  if (!rule) throw new Error('no rule');
  return rule.condition;
};
const is = (operator: string, value: unknown, more: object = {}) => ({ fact: 'a', operator, value, ...more });

/** json-rules-engine with the same operators, whose readings are validators there. */
async function reference(enter: unknown, facts: Record<string, unknown>): Promise<boolean> {
  const engine = new Engine([], { allowUndefinedFacts: true });
  engine.addOperator(
    new Operator<string, string>(
      'endsWith',
      (fact, value) => fact.endsWith(value),
      (fact) => typeof fact === 'string',
    ),
  );
  engine.addOperator(
    new Operator<unknown, unknown>(
      'startsWith',
      (fact, value) => String(fact).startsWith(String(value)),
      (fact) => ['string', 'number', 'boolean'].includes(typeof fact) || Array.isArray(fact),
    ),
  );
  engine.addRule(new Rule({ conditions: structuredClone(enter) as TopLevelCondition, event: { type: 'event' } }));
  const { events } = await engine.run(facts);
  return events.length === 1;
}

describe('operators of plugins in documents of json-rules-engine', () => {
  it('say what they say there, through decorators as well, in every reader', async () => {
    const texts = fc.constantFrom('pro', 'o', 'p', '', 'team-pro', 'x');
    const operator = fc
      .tuple(fc.subarray(['not', 'someFact', 'everyFact']), fc.constantFrom('endsWith', 'startsWith', 'equal'))
      .map(([before, name]) => [...before, name].join(':'));
    const leaf = fc.oneof(
      fc.record({ operator, value: texts }),
      fc.record({
        operator: fc.constantFrom('someValue:endsWith', 'everyValue:startsWith', 'not:someValue:someFact:startsWith'),
        value: fc.array(texts, { maxLength: 3 }),
      }),
    );
    const condition = fc
      .tuple(
        fc.constantFrom('all', 'any'),
        fc.array(
          leaf.map((one) => ({ fact: 'a', ...one })),
          { maxLength: 3 },
        ),
      )
      .map(([kind, children]) => ({ [kind]: children }));
    const fact = fc.oneof(texts, fc.constantFrom<unknown>(1, true, null, undefined), fc.array(texts, { maxLength: 3 }));
    const seen = { true: 0, false: 0 };
    await fc.assert(
      fc.asyncProperty(condition, fact, async (enter, a) => {
        // A fact that is null has no value here, and is none.
        const facts = a === undefined || a === null ? {} : { a };
        const expected = await reference(enter, facts);
        seen[expected ? 'true' : 'false'] += 1;
        const made = conditionOf(enter);
        expect(evaluate(made, facts, anyTime, operators)).toBe(expected);
        expect(trace(made, facts, anyTime, operators).verdict).toBe(expected);
        const [verdicts] = columnar([made], anyTime, operators).evaluate(1, () => () => a);
        expect(verdicts && verdictAt(verdicts, 0)).toBe(expected);
      }),
      { numRuns: 600, seed: 3 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(100);
  });

  it('are unknown while they have not been asked, and are asked by their own names', () => {
    const asked: unknown[] = [];
    const open = answeredBy(operators, (name, value) => (fact) => {
      asked.push([name, value, fact]);
      return null;
    });
    const made = conditionOf({ all: [is('not:someFact:startsWith', 'p')] });
    expect(evaluate(made, { a: ['x', 'pro'] }, anyTime, open)).toBeNull();
    expect(asked).toEqual([['acmeStartsWith', 'p', 'x']]);
    const found = trace(made, { a: ['pro'] }, anyTime, open);
    expect(found).toMatchObject({ problem: { code: 'RAPPORT_RULES_FAILED', pointer: '/enter/all/0' } });
  });

  it('have no verdict where there are none', () => {
    expect(evaluate(conditionOf({ all: [is('endsWith', 'o')] }), { a: 'pro' }, anyTime)).toBeNull();
  });

  it('are found in what a document uses', () => {
    const checked = checkSegment(segment({ all: [is('not:startsWith', 'p')] }), operators);
    const uses = checked.ok ? factsOf(checked.document, operators) : [];
    expect(uses.map(({ operator }) => undecorated(operator))).toEqual(['startsWith']);
  });

  it.each<[unknown, string]>([
    [is('endWith', 'o'), 'RAPPORT_RULES_OPERATOR /enter/all/0/operator'],
    [is('acmeStartsWith', 'o'), 'RAPPORT_RULES_OPERATOR /enter/all/0/operator'],
    [is('no:endsWith', 'o'), 'RAPPORT_RULES_OPERATOR /enter/all/0/operator'],
    [is('swap:endsWith', 'o'), 'RAPPORT_RULES_OPERATOR /enter/all/0/operator'],
    [is('endsWith', { fact: 'b' }), 'RAPPORT_RULES_VALUE /enter/all/0/value'],
    [is('endsWith', 5), 'RAPPORT_RULES_VALUE /enter/all/0/value'],
    [is('someValue:endsWith', ['o', 5]), 'RAPPORT_RULES_VALUE /enter/all/0/value'],
  ])('%j is refused', (leaf, problem) => {
    expect(problemsOf({ all: [leaf] })).toEqual([problem]);
  });

  it('cannot be known before plugins are', () => {
    expect(problemsOf({ all: [is('endsWith', 'o')] }, new Map())).toEqual([
      'RAPPORT_RULES_OPERATOR /enter/all/0/operator',
    ]);
  });

  it('cannot take the name of one of json-rules-engine’s own', () => {
    const [definition] = [{ name: 'own', compatName: 'equal', reading: 'any', value: false }] as const;
    const { problems } = operatorSet([{ ...definition, description: 'D', words: ['is', 'is not'], test: () => true }]);
    expect(problems).toMatchObject([
      { code: 'RAPPORT_RULES_OPERATOR', message: expect.stringContaining('"compatName"') as string },
    ]);
  });

  it('are offered by editors', () => {
    const schema = JSON.stringify(schemaFor('segment', catalogueOf([]), operators));
    expect(schema).toContain('"const":"startsWith","description":"The text begins with this."');
    expect(schema).toContain('|endsWith|startsWith)$');
  });
});
