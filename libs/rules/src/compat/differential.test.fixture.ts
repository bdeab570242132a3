import fc from 'fast-check';
import { reference, same, type Case } from './reference.test.fixture.js';
import { compileRule, compileRules, type CompatOptions } from './rule.js';

const parsed = (text: string): unknown => JSON.parse(text);
const words = (text: string): string[] => text.split(' ');

// Values of facts and conditions: few enough that comparisons come out both ways.
const scalar = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(0, 1, 2, 10, -1.5, '0', '1', '10', 'a', 'abc', true, false) },
  fc.constantFrom(NaN, Infinity, -Infinity, -0, 1e21, null, undefined),
  fc.constantFrom('', 'NaN', ' 3', '1e3', '2 apples', '2026-06-01', '__proto__', 'a,b', '[object Object]', 'fact'),
);
const list = fc.array(scalar, { maxLength: 3 });
const keyed = fc.dictionary(fc.constantFrom('a', 'b', 'c.d', '0', 'length'), fc.oneof(scalar, list), {
  maxKeys: 3,
  noNullPrototype: true,
});
const nested = fc.oneof(keyed, list, fc.array(keyed, { maxLength: 2 })).map((a) => ({ a }));
const date = fc.constantFrom(0, 1, NaN).map((time) => new Date(time));
const hostile = fc
  .constantFrom(
    '{"__proto__":{"a":1}}',
    '{"a":{"__proto__":{"b":1}}}',
    '{"toString":1}',
    '{"valueOf":1}',
    '{"length":2}',
    '[[1],[2]]',
    '[null]',
  )
  .map(parsed);
const thing = fc.oneof(
  { weight: 8, arbitrary: scalar },
  { weight: 4, arbitrary: list },
  { weight: 3, arbitrary: nested },
  { weight: 2, arbitrary: fc.array(fc.oneof(scalar, list, keyed), { maxLength: 3 }) },
  keyed,
  date,
  hostile,
);
const factValue = fc.oneof({ weight: 40, arbitrary: thing }, fc.constant(Object.create(null) as unknown));
const missing = Symbol('missing');
const fact = (name: string, freq: number) =>
  fc.option(factValue, { freq, nil: missing }).map((value) => [name, value] as const);
const facts = fc
  .tuple(...words('a b c d').map((name) => fact(name, 12)), ...words('__proto__ toString').map((name) => fact(name, 1)))
  .map((entries): Case['facts'] => Object.fromEntries(entries.filter(([, value]) => value !== missing)));

const factName = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 2, arbitrary: fc.constantFrom('__proto__', 'toString', 'constructor', 'absent') },
  fc.constantFrom<unknown>('', 5, null, undefined, ['a']),
);
const path = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words(`$ $.a $.a.b $.a[0] $.a[0].b $['a'] $["a"].b $[0] $.0 $.length`)) },
  fc.constantFrom(
    'a',
    'a.b',
    '$.a.',
    "$.['a']",
    "$.a.['b']",
    '$.a.length',
    "$['c.d']",
    '$.a["c.d"]',
    '$.__proto__',
    '$.constructor.name',
    '$[1][0]',
    '$.a.b.a',
  ),
  fc.constantFrom('', null, 0, undefined, false),
);
const params = fc.constantFrom<unknown>({ per: 'day' }, {}, '', null, 0, [1]);

const ORDER = words('lessThan lessThanInclusive greaterThan greaterThanInclusive');
const operatorName = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('equal', 'notEqual', ...ORDER) },
  { weight: 5, arbitrary: fc.constantFrom(...words('in notIn contains doesNotContain')) },
  fc.constantFrom('raw', 'raw', 'broken'),
);
const decoratorName = fc.constantFrom(...words('not someFact everyFact someValue everyValue swap either'));
const operator = fc.oneof(
  { weight: 30, arbitrary: operatorName },
  {
    weight: 15,
    arbitrary: fc
      .tuple(fc.array(decoratorName, { minLength: 1, maxLength: 3 }), operatorName)
      .map(([before, name]) => [...before, name].join(':')),
  },
  fc.constantFrom<unknown>('not:custom', 'someValue:not:custom', 'unknown', 'no:equal', ':equal', 'not:', ''),
  fc.constantFrom<unknown>('__proto__', 'not:toString', 5, null, undefined, ['equal']),
);
/** What both are given besides: operators that say other things than true and false, or throw, and a decorator. */
const custom: Pick<CompatOptions, 'operators' | 'decorators'> = {
  operators: {
    raw: (fact) => fact,
    'not:custom': (fact, value) => fact === value,
    broken() {
      throw new Error('broken');
    },
  },
  decorators: { either: (fact, value, next) => next(fact, value) || next(value, fact) },
};

const priority = fc.oneof(
  { weight: 50, arbitrary: fc.constantFrom<unknown>(1, 2, 3, 10, 100) },
  { weight: 10, arbitrary: fc.constantFrom<unknown>('10', 'abc', 'b', '7.5', 2.5, 0, -3, null, NaN, Infinity, true) },
  { weight: 5, arbitrary: fc.constantFrom<unknown>([5], {}, undefined, '1e2', '') },
  fc.constantFrom<unknown>('constructor', '__proto__', 'toString'),
);
const label = fc.constantFrom<unknown>('a name', '', 0, null, { deep: ['name'] });
const noise = { id: fc.constantFrom(1, 'an id'), result: fc.boolean(), factResult: scalar, valueResult: scalar };
type Keys = Readonly<Record<string, fc.Arbitrary<unknown>>>;
const shape = (required: Keys, optional: Keys = {}): fc.Arbitrary<object> =>
  fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required), noNullPrototype: true });

const value = fc.oneof({ weight: 5, arbitrary: thing }, shape({ fact: factName }, { path, params }));
const comparison = fc.oneof(
  { weight: 4, arbitrary: shape({ fact: factName, operator, value }, { priority }) },
  { weight: 2, arbitrary: shape({ fact: factName, operator, value, path }, { params }) },
  shape({ fact: factName, operator, value }, { path, params, priority, name: label, ...noise }),
);

/** Conditions that refer to these names: any (`tree`), and those that a rule may consist of (`root`). */
function conditionsOf(names: readonly string[]) {
  const condition = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...names, 'undefined') },
    fc.constantFrom<unknown>('__proto__', 'constructor', '', 5, null, undefined),
  );
  const labels = { priority, name: label };
  const reference = shape({ condition }, labels);
  return fc.letrec<{ root: object; branch: object; tree: object }>((tie) => {
    const children = fc.array(tie('tree'), { maxLength: 4 });
    const branch = fc.oneof(
      { weight: 6, arbitrary: shape({ all: children }, labels) },
      { weight: 6, arbitrary: shape({ any: children }, labels) },
      { weight: 4, arbitrary: shape({ not: tie('tree') }, labels) },
      shape({ any: children, all: fc.constantFrom<unknown>('ignored', []) }),
      shape({ all: children, not: fc.constantFrom<unknown>('ignored', [], {}) }),
    );
    const both = fc.tuple(tie('branch'), reference).map(([one, other]) => ({ ...one, ...other }));
    return {
      branch,
      root: fc.oneof({ weight: 10, arbitrary: tie('branch') }, { weight: 2, arbitrary: reference }, both),
      tree: fc.oneof(
        { depthSize: 'small', maxDepth: 4 },
        { weight: 10, arbitrary: comparison },
        { weight: 3, arbitrary: reference },
        { weight: 7, arbitrary: tie('branch') },
        { weight: 1, arbitrary: both },
      ),
    };
  }).root;
}

interface DrawnCase extends Case {
  /** Named conditions may refer to each other in circles. */
  readonly circular: boolean;
}
function casesOf(below: Readonly<Record<string, readonly string[]>>, circular: boolean): fc.Arbitrary<DrawnCase> {
  const names = Object.keys(below);
  const rule = shape(
    {
      conditions: conditionsOf(names),
      event: fc.constantFrom({ type: 'event' }, { type: 'event', params: { a: [1] } }),
    },
    { name: label, priority: fc.constantFrom<unknown>(1, 5, '7', 'abc', 0, null) },
  );
  const named = fc.record(
    Object.fromEntries(Object.entries(below).map(([name, others]) => [name, conditionsOf(others)])),
    { requiredKeys: [], noNullPrototype: true },
  );
  const flag = fc.boolean();
  return fc
    .record({ rule, facts, conditions: named, allowUndefinedConditions: flag, allowUndefinedFacts: flag })
    .map(({ rule, facts, ...options }) => ({ rule, facts, options: { ...options, ...custom }, circular }));
}

export const cases: fc.Arbitrary<DrawnCase> = fc.oneof(
  { weight: 9, arbitrary: casesOf({ x: ['y', 'z'], y: ['z'], z: [] }, false) },
  casesOf({ x: ['x', 'y', 'z'], y: ['x', 'y', 'z'], z: ['x', 'y', 'z'] }, true),
);

/** How the two agreed. `circular` failed here, perhaps because of a circle, and was not asked of the reference: it might never answer. */
export type Agreement = 'true' | 'false' | 'rejected' | 'circular';

/** A rule that is evaluated beside the one of a case, over other facts of the same names. */
const neighbour = {
  conditions: {
    any: [
      { fact: 'd', operator: 'contains', value: 1 },
      { all: [{ fact: 'a', operator: 'lessThan', value: 5 }, { not: { fact: 'b', operator: 'equal', value: 1 } }] },
    ],
  },
};

/** Evaluates a case by both, by itself and together with another rule; throws where they differ. */
export async function compare(one: DrawnCase): Promise<Agreement> {
  const compiled = compileRule(one.rule, one.options);
  if (!compiled.ok) throw new Error(`refused: ${JSON.stringify(compiled.problems)}`);
  const matched = compiled.match(one.facts);
  const traced = compiled.trace(one.facts);
  const together = compileRules([one.rule, neighbour, one.rule], one.options).match(one.facts);
  const neighbours = compileRule(neighbour, one.options);
  if (!same(together, [matched, neighbours.ok && neighbours.match(one.facts), matched]))
    throw new Error(`${String(matched)} by itself, but together ${fc.stringify(together)}`);
  if (matched === null && one.circular) return 'circular';
  const outcome = await reference(one);
  if ('rejected' in outcome) {
    if (matched === null && 'problem' in traced) return 'rejected';
    throw new Error(`${outcome.rejected}, but ${String(matched)} here`);
  }
  if ('problem' in traced) throw new Error(`${traced.problem.message}, but a result there`);
  if (matched !== Boolean(outcome.trace['result'])) throw new Error(`${String(matched)}, but not there`);
  if (!same(traced, outcome.trace)) throw new Error(`other trees: ${fc.stringify([traced, outcome.trace])}`);
  return matched ? 'true' : 'false';
}
