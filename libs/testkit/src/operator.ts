import type { OperatorDefinition, OperatorReading } from '@rapport/sdk';
import { readInstant, utc } from '@rapport/sdk/time';
import { operatorNameOf, operatorSet, readingOf, testOf, type KnownFact, type OperatorSet } from '@rapport/rules';
import fc from 'fast-check';
import type { TSchema } from 'typebox';
import { called, show } from './contract.js';
import { TestkitError } from './error.js';
import type { Breach, Finding } from './finding.js';

export interface OperatorConformanceOptions {
  /** Facts to try besides random ones and those of the examples, in the operator's reading. */
  readonly facts?: readonly unknown[];
  /** Values to try besides those of the examples. */
  readonly values?: readonly unknown[];
  /** Random facts to try; default 500. */
  readonly runs?: number;
  /** Which random facts; default 1. */
  readonly seed?: number;
}

/**
 * Tries an operator on random facts of its reading with the values of its examples, and says in which ways it breaks its contract (`RAPPORT_CONFORMANCE_…`), each with
 * the smallest fact found on which it does. None: it keeps it. It is true or false of every fact that it may be asked about, throws on none, changes nothing, uses
 * neither clock nor chance, says the same in whatever order it is asked, and what its examples say. A definition that rules cannot use is a finding (`_HOOK`).
 */
export function operatorConformance(
  definition: AnyOperator,
  { facts = [], values = [], runs = 500, seed = 1 }: OperatorConformanceOptions = {},
): readonly Finding[] {
  const { id, reading, value, words, description, examples } = definition;
  const about = `operator "${id}"`;
  const name = operatorNameOf(id);
  const test = (fact: KnownFact, given: unknown) => definition.test(fact, given as never);
  const schema = value === false ? false : (JSON.parse(JSON.stringify(value)) as Readonly<Record<string, unknown>>);
  const { operators, problems } = operatorSet([{ name, reading, value: schema, description, words, test }]);
  const [problem] = problems;
  const hook = (sentence: string): Finding => ({
    code: 'RAPPORT_CONFORMANCE_HOOK',
    sentence: `${about}: ${sentence}`,
    world: null,
  });
  if (problem) return [hook(problem.message)];
  const unfit = [...examples.map((example) => example.value), ...values].filter(
    (one) => readingOf(name, one, operators) === null,
  );
  if (unfit.length > 0) return [hook(`it does not take the value ${show(unfit[0])}`)];
  const asked = value === false ? [undefined] : [...examples.map((example) => example.value), ...values];
  if (asked.length === 0) return [hook('it has no examples')];

  const findings = new Map<string, Finding>();
  const add = ({ code, sentence }: Breach, world: string | null) => {
    if (!findings.has(code)) findings.set(code, { code: code, sentence, world });
  };
  examples.forEach((example, i) => {
    const found = guarded(operators, name, example.value, example.fact);
    if (found === example.holds) return;
    const sentence = `${about}: its example ${String(i)} says ${String(example.holds)}, but it is ${found === null ? 'unknown' : String(found)}`;
    add({ code: 'RAPPORT_CONFORMANCE_ORACLE', sentence }, worldOf(example.fact, example.value));
  });
  const known = [...examples.map(({ fact }) => fact), ...facts].flatMap((fact) => asRead(fact, reading));
  const any =
    known.length === 0
      ? factsOf(reading, [])
      : fc.oneof(fc.constantFrom(...known), factsOf(reading, textsIn([known, asked])));
  // Each fault is looked for by itself, so that one does not hide another.
  const seen = new Map<string, readonly [fact: KnownFact, value: unknown]>();
  for (const fact of [...known, ...fc.sample(any, { numRuns: runs, seed })])
    for (const one of asked)
      for (const { code } of breachesOf(definition, about, fact, one)) if (!seen.has(code)) seen.set(code, [fact, one]);
  for (const [code, [first, one]] of seen) {
    const breach = (fact: KnownFact) => breachesOf(definition, about, fact, one).find((each) => each.code === code);
    const { counterexample } = fc.check(
      fc.property(any, (fact) => breach(fact) === undefined),
      { numRuns: runs, seed, examples: [[first]] },
    );
    const smallest = counterexample?.[0] ?? first;
    const found = breach(smallest) ?? breach(first);
    if (found) add(found, worldOf(smallest, one));
  }
  // What it remembers of all that it was asked shows where it is asked again.
  if (findings.size === 0) {
    const other = examples.find((example) => guarded(operators, name, example.value, example.fact) !== example.holds);
    const forgotten = other ? ([other.fact, other.value] as const) : undefined;
    const sample = [...known, ...fc.sample(any, { numRuns: Math.min(runs, 200), seed })].flatMap((fact) =>
      asked.map((one) => [fact, one] as const),
    );
    const first = sample.map(([fact, one]) => definition.test(fact as never, one as never));
    const differs = [...sample.keys()].reverse().find((i) => {
      const [fact, one] = sample[i] ?? [null, null];
      return definition.test(fact as never, one as never) !== first[i];
    });
    if (forgotten !== undefined || differs !== undefined) {
      const [fact, one] = forgotten ?? sample[differs ?? 0] ?? [null, null];
      const sentence = `${about}: it says otherwise when it is asked again, after other facts; keep nothing between calls`;
      add({ code: 'RAPPORT_CONFORMANCE_IMPURE', sentence }, worldOf(fact, one));
    }
  }
  return [...findings.values()];
}

/** Tries an operator as `operatorConformance` does, and throws `RAPPORT_TESTKIT_CONTRACT` with all that was found. For an operator's tests. */
export function checkOperator<R extends OperatorReading>(
  definition: AnyOperator<R>,
  options: OperatorConformanceOptions = {},
): void {
  const findings = operatorConformance(definition, options);
  if (findings.length === 0) return;
  const told = findings.map(
    ({ code, sentence, world }) => `${sentence} (${code})${world === null ? '' : `\n  with ${world}`}`,
  );
  throw new TestkitError('RAPPORT_TESTKIT_CONTRACT', told.join('\n'));
}

/** An operator, whatever it reads and takes. */
export type AnyOperator<R extends OperatorReading = OperatorReading> = OperatorDefinition<TSchema | false, R, never>;

/** A fact as the operator gets it. */
const asRead = (fact: unknown, reading: OperatorReading): readonly KnownFact[] => {
  if (reading !== 'time') return [fact as KnownFact];
  const instant = readInstant(fact, utc);
  return instant === null ? [] : [instant];
};

const worldOf = (fact: unknown, value: unknown): string =>
  `the fact ${show(fact)}${value === undefined ? '' : ` and the value ${show(value)}`}`;

function guarded(operators: OperatorSet, name: string, value: unknown, fact: unknown): boolean | null {
  try {
    return testOf(name, value, { at: 0, zone: utc }, operators)(fact);
  } catch {
    return null;
  }
}

/** What is wrong with one question. */
function breachesOf(definition: AnyOperator, about: string, fact: KnownFact, value: unknown): readonly Breach[] {
  const breaches: Breach[] = [];
  const report = (breach: Breach) => breaches.push(breach);
  const [frozenFact, frozenValue] = [frozen(structuredClone(fact)), frozen(structuredClone(value))];
  const ask = (): unknown => called(about, () => definition.test(frozenFact as never, frozenValue as never), report);
  const verdict = ask();
  if (breaches.length > 0) return breaches;
  if (typeof verdict !== 'boolean')
    report({
      code: 'RAPPORT_CONFORMANCE_VALUE',
      sentence: `${about}: it returned ${show(verdict)}; return true or false`,
    });
  else if (ask() !== verdict)
    report({ code: 'RAPPORT_CONFORMANCE_IMPURE', sentence: `${about}: it says otherwise when it is asked again` });
  return breaches;
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

/** All texts in facts and values. */
const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
};

/** Facts as data brings them, odd ones included. */
function factsOf(reading: OperatorReading, words: readonly string[]): fc.Arbitrary<KnownFact> {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  const number = fc.oneof(fc.constantFrom(0, 1, -1, Number.MAX_VALUE, Number.MIN_VALUE), fc.integer(), finite);
  const text = fc.oneof(
    fc.constantFrom('', ' ', '0', 'null', '__proto__', 'constructor', '\u0000', '\uD800', '𝕏', 'ß'),
    fc.string(),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ minLength: 1000, maxLength: 2000 }),
    fc.emailAddress(),
    fc.webUrl(),
    fc.domain(),
    // Near to what examples are about.
    fc
      .tuple(fc.string({ maxLength: 3 }), fc.constantFrom('', ...words), fc.string({ maxLength: 3 }))
      .map((parts) => parts.join('')),
    fc.tuple(fc.string({ maxLength: 5 }), fc.constantFrom('', ...words)).map((parts) => parts.join('')),
  );
  const scalar = fc.oneof(number, text, fc.boolean());
  switch (reading) {
    case 'number':
      return number;
    case 'time':
      return fc.integer({ min: -8.64e15, max: 8.64e15 });
    case 'text':
      return text;
    case 'boolean':
      return fc.boolean();
    case 'any':
      return fc.oneof(scalar, fc.array(scalar), fc.array(fc.jsonValue() as fc.Arbitrary<unknown>));
  }
}
