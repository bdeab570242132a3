import { compileRule, compileRules } from '@rapport/rules';
import type { Condition } from '@rapport/sdk';
import { progress } from './progress.js';
import type { Portfolio } from './rules-portfolio.js';
import { tracingReference, type Reference } from './rules-reference.js';

/*
 * json-rules-engine's documents: `compileRule` and `compileRules` against json-rules-engine, and against fast-json-rules-engine where it is
 * installed. All in processor time, over facts that are ready objects.
 */

type Facts = Readonly<Record<string, unknown>>;
type Evaluate = (facts: Facts) => { readonly events: readonly { readonly type: string }[] };

/** What is used of fast-json-rules-engine. It is no dependency: it cannot be had from every registry. */
export interface FastEngine {
  readonly compile: (rules: readonly object[], options: { readonly allowUndefinedFacts: boolean }) => Evaluate;
}

/** Loads fast-json-rules-engine from where it is installed, or from `module`; null when it is not there. */
export async function fastEngine(module = 'fast-json-rules-engine'): Promise<FastEngine | null> {
  try {
    return (await import(module)) as FastEngine;
  } catch (error) {
    progress(`fast-json-rules-engine is left out: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** Nanoseconds of processor time per rule and subject, of each round; and what differed. */
export interface CompatTimes {
  /** `compileRule(…).match`, rule by rule. */
  readonly match: number[];
  /** `compileRules(…).match`, all rules of a subject at once. */
  readonly set: number[];
  readonly trace: number[];
  readonly reference: number[];
  /** json-rules-engine with `toJSON`, as `trace` has it. */
  readonly tracing: number[];
  /** fast-json-rules-engine: all rules in one `compile`, and each in its own. Empty where it is not installed. */
  readonly fastSet: number[];
  readonly fastSingle: number[];
  readonly wrong: readonly string[];
}

const ROUNDS = 5;

async function cpuSeconds(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Evaluates the same rules on the same facts by everybody, in turns, in this process. */
export async function timeCompat(
  conditions: readonly Condition[],
  { subjects, factsAt }: Portfolio,
  sample: number,
  run: Reference,
  fast: FastEngine | null,
): Promise<CompatTimes> {
  const options = { allowUndefinedFacts: true };
  const rules = conditions.map((rule, r) => ({ conditions: rule, event: { type: String(r) } }));
  const facts: readonly Facts[] = Array.from({ length: subjects }, (_, i) => factsAt(i));
  const compiled = rules.map((rule) => {
    const made = compileRule(rule, options);
    if (!made.ok) throw new TypeError(made.problems[0]?.message);
    return made;
  });
  const set = compileRules(rules, options);
  const fastSet = fast?.compile(rules, options);
  const fastSingle = fast ? rules.map((rule) => fast.compile([rule], options)) : [];

  const wrong: string[] = [];
  const chosen = Array.from({ length: sample }, (_, k) => facts[Math.floor((k * subjects) / sample)] ?? {});
  for (const [k, one] of chosen.entries()) {
    const theirs = await run(one);
    const fastOnes = new Set(fastSet?.(one).events.map(({ type }) => type));
    const together = set.match(one);
    compiled.forEach(({ match, trace }, r) => {
      const expected = theirs.has(String(r));
      const traced = trace(one);
      const ours = [match(one), together[r], traced.result, ...(fastSet ? [fastOnes.has(String(r))] : [])];
      if (ours.some((verdict) => verdict !== expected))
        wrong.push(
          `subject ${String(k)}, rule ${String(r)}: ${ours.join(', ')}; json-rules-engine ${String(expected)}`,
        );
    });
  }

  const runTracing = tracingReference(conditions);
  let held = 0;
  const each = (answer: (one: Facts) => number) => () => {
    for (const one of facts) held += answer(one);
  };
  const ways = {
    match: each((one) => compiled.reduce((sum, { match }) => sum + Number(match(one)), 0)),
    set: each((one) => set.match(one).length),
    trace: each((one) => compiled.reduce((sum, { trace }) => sum + Number(trace(one).result), 0)),
    fastSet: fastSet ? each((one) => fastSet(one).events.length) : null,
    fastSingle: fast ? each((one) => fastSingle.reduce((sum, evaluate) => sum + evaluate(one).events.length, 0)) : null,
  };
  const times: Record<keyof Omit<CompatTimes, 'wrong'>, number[]> = {
    match: [], set: [], trace: [], reference: [], tracing: [], fastSet: [], fastSingle: [],
  }; // prettier-ignore
  const perRule = (seconds: number, count: number) => (seconds * 1e9) / (count * rules.length);
  for (let round = -1; round < ROUNDS; round++) {
    const keep = (way: keyof typeof times, time: number) => {
      // The first round warms up.
      if (round >= 0) times[way].push(time);
    };
    for (const [way, work] of Object.entries(ways))
      if (work) keep(way as keyof typeof ways, perRule(await cpuSeconds(work), subjects));
    const part = chosen.filter((_, k) => k % ROUNDS === Math.max(0, round));
    const seconds = await cpuSeconds(async () => {
      for (const one of part) await run(one);
    });
    keep('reference', perRule(seconds, part.length));
    const tracing = await cpuSeconds(async () => {
      for (const one of part) await runTracing(one);
    });
    keep('tracing', perRule(tracing, part.length));
  }
  progress(`${String(rules.length)} documents of json-rules-engine: ${String(held)} verdicts were true`);
  return { ...times, wrong };
}
