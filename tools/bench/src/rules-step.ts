import { utc } from '@rapport/sdk/time';
import {
  columnar,
  compile,
  tracer,
  verdictAt,
  type ColumnReader,
  type FactColumn,
  type FactReader,
  type Verdict,
} from '@rapport/rules';
import type { Condition } from '@rapport/sdk';
import { progress } from './progress.js';
import { portfolioOf, rulesOf, type Portfolio } from './rules-portfolio.js';
import type { reference } from './rules-reference.js';

export interface RulesTask {
  readonly rules: number;
  readonly subjects: number;
  /** Subjects that json-rules-engine evaluates, evenly spread over all. */
  readonly sample: number;
}
/** Rule evaluations per second of each round, and what differed. */
export interface RulesTimes {
  readonly columnar: number[];
  readonly slices: number[];
  readonly match: number[];
  readonly trace: number[];
  readonly reference: number[];
  /** Milliseconds to compile 1000 rules, of each round. */
  readonly compileMs: number[];
  readonly wrong: readonly string[];
}

const ROUNDS = 5;
const NOW = { at: 0, zone: utc };

async function secondsOf(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

function valuesOf(column: FactColumn | undefined): (subject: number) => unknown {
  if (column === undefined) return () => null;
  if (typeof column === 'function') return column;
  if (column.type !== 'number') {
    const { codes, dictionary } = column;
    return (i) => dictionary[codes[i] ?? -1];
  }
  const { values, valid } = column;
  return (i) => (valid[i] === 1 ? values[i] : null);
}

/** The three ways that Rapport evaluates, made ready. */
function ways(rules: readonly Condition[], { columns, subjects }: Portfolio) {
  const column: ColumnReader = (fact) => columns.get(fact) ?? (() => null);
  const reader: FactReader = (fact) => valuesOf(columns.get(fact));
  const all = columnar(rules, NOW);
  const predicates = rules.map((rule) => compile(rule, reader, NOW));
  const tracers = rules.map((rule) => tracer(rule, reader, NOW));
  /** Of one subject after the other all rules; how often the answer was true. */
  const each = (answers: readonly ((subject: number) => Verdict)[]) => {
    let held = 0;
    for (let i = 0; i < subjects; i++) for (const answer of answers) if (answer(i) === true) held++;
    return held;
  };
  const traced = tracers.map((one) => (i: number) => one(i).verdict);
  return {
    columnar: () => all.evaluate(subjects, column),
    slices: () => all.evaluateInSlices(subjects, column),
    match: () => each(predicates),
    trace: () => each(traced),
    predicates,
    traced,
  };
}

const named = (subject: number, rule: number, ours: Verdict, way: string, theirs: Verdict): string =>
  `subject ${String(subject)}, rule ${String(rule)}: ${String(ours)} by columns, ${String(theirs)} by ${way}`;

/** Where the three ways disagree, over every subject and rule. */
function disagreements(
  { columnar: evaluate, predicates, traced }: ReturnType<typeof ways>,
  subjects: number,
): string[] {
  return evaluate().flatMap((verdicts, r) => {
    const wrong: string[] = verdicts.failure ? [`rule ${String(r)}: ${verdicts.failure.message}`] : [];
    for (let i = 0; i < subjects && wrong.length === 0; i++) {
      const ours = verdictAt(verdicts, i);
      const others = [predicates[r]?.(i), traced[r]?.(i)];
      others.forEach((theirs, way) => {
        if (theirs !== ours) wrong.push(named(i, r, ours, way === 0 ? 'match' : 'trace', theirs ?? null));
      });
    }
    return wrong;
  });
}

/** Evaluates the same rules on the same facts in every way and by json-rules-engine, in turns, in this process. */
export async function timeRules(
  { rules: count, subjects, sample }: RulesTask,
  against: typeof reference,
): Promise<RulesTimes> {
  const portfolio = portfolioOf(subjects, 1);
  const rules = rulesOf(count, 2);
  const thousand = rulesOf(1000, 3);
  const rapport = ways(rules, portfolio);
  const wrong = disagreements(rapport, subjects);
  progress(`${String(count)} rules on ${String(subjects)} subjects in three ways: ${wrong[0] ?? 'all verdicts equal'}`);

  const run = against(rules);
  const verdicts = rapport.columnar();
  const chosen = Array.from({ length: sample }, (_, k) => Math.floor((k * subjects) / sample));
  const inputs = chosen.map((subject) => ({ subject, facts: portfolio.factsAt(subject) }));
  const times: Omit<RulesTimes, 'wrong'> = {
    columnar: [],
    slices: [],
    match: [],
    trace: [],
    reference: [],
    compileMs: [],
  };
  const reader: FactReader = () => () => null;
  // Warm: what follows is timed.
  for (const { facts } of inputs.slice(0, 50)) await run(facts);
  await rapport.slices();
  for (let round = 0; round < ROUNDS; round++) {
    const perSecond = async (work: () => unknown, repeated = 1) =>
      (repeated * count * subjects) /
      (await secondsOf(async () => {
        for (let k = 0; k < repeated; k++) await work();
      }));
    times.columnar.push(await perSecond(rapport.columnar, 10));
    times.slices.push(await perSecond(rapport.slices, 10));
    times.match.push(await perSecond(rapport.match));
    times.trace.push(await perSecond(rapport.trace));
    const part = inputs.filter((_, k) => k % ROUNDS === round);
    const answers: ReadonlySet<string>[] = [];
    const seconds = await secondsOf(async () => {
      for (const { facts } of part) answers.push(await run(facts));
    });
    times.reference.push((count * part.length) / seconds);
    part.forEach(({ subject }, k) =>
      verdicts.forEach((ours, r) => {
        const theirs = answers[k]?.has(String(r)) ?? false;
        const verdict = verdictAt(ours, subject);
        if ((verdict === true) !== theirs) wrong.push(named(subject, r, verdict, 'json-rules-engine', theirs));
      }),
    );
    times.compileMs.push(
      1000 *
        (await secondsOf(() => {
          columnar(thousand, NOW);
          for (const rule of thousand) compile(rule, reader, NOW);
        })),
    );
  }
  return { ...times, wrong };
}
