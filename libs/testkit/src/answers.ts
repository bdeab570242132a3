import { isDeepStrictEqual } from 'node:util';
import type { ComputeContext, MetricDefinition, MetricResult } from '@rapport/sdk';
import { readKey } from '@rapport/store';
import type { Asked } from './asked.js';
import { type Answers, called, checkedAnswer, type Evaluated } from './contract.js';
import { inputsOf, type Row } from './inputs.js';
import { rowAt } from './rows.js';
import { ownEntry, type Scene, type SubjectLevel } from './scene.js';
import { underWatch } from './watch.js';

/** The results of a metric's used metrics, by id and subject. */
export interface Used {
  metric(id: string): Answers | undefined;
  portfolio(id: string): Answers | undefined;
}
export async function usedAnswers(metric: Asked, level: SubjectLevel, scene: Scene): Promise<Used> {
  const answersBy = async (others: Asked['uses'], of: SubjectLevel) => {
    const answers = new Map<string, Answers>();
    for (const [id, other] of others) {
      answers.set(id, other.definition.subjects.includes(of.kind) ? await answersOf(other, of, scene) : new Map());
    }
    return answers;
  };
  const used = await answersBy(metric.uses, level);
  const ofPortfolio = await answersBy(metric.usesPortfolio, { kind: 'portfolio' });
  return { metric: (id) => used.get(id), portfolio: (id) => ofPortfolio.get(id) };
}

/**
 * A metric's answers for all subjects of a level, computed as the engine does, and then once more in another way: backwards, with an object of its own
 * for each row. Both must agree. Breaches of the contract are reported.
 */
export async function answersOf(metric: Asked, level: SubjectLevel, scene: Scene): Promise<Answers> {
  const { definition, measures } = metric;
  const { report, snapshot, asOf } = scene;
  const used = await usedAnswers(metric, level, scene);
  const names = Object.keys(measures);
  const about = (id: string) => `metric "${definition.id}" for ${named(level, id)}`;
  let current = { id: '', row: {} as Row };
  const faults = {
    undeclared: (name: string) =>
      report({
        code: 'RAPPORT_CONFORMANCE_INPUT',
        sentence: `${about(current.id)}: it reads the input "${name}", which its measures do not declare`,
      }),
    changed: (name: string) =>
      report({
        code: 'RAPPORT_CONFORMANCE_CHANGED',
        sentence: `${about(current.id)}: it changes the input "${name}"; inputs are reused, read them only`,
      }),
  };
  const sharedRow = rowAt(names, () => current.row, faults);
  const contextOf = (id: string) => contextFor(metric, level, id, used, scene);

  if (level.kind !== 'portfolio' || !definition.portfolio) {
    const { subjects, rows } = await inputsOf(metric, level, scene);
    return bothWays(metric, level, scene, subjects, {
      shared(id, i) {
        current = { id, row: rows[i] ?? {} };
        return definition.compute(sharedRow, contextOf(id));
      },
      own(id, i) {
        const { row } = (current = { id, row: rows[i] ?? {} });
        return definition.compute(
          rowAt(names, () => row, faults),
          contextOf(id),
        );
      },
    });
  }
  const reduce = definition.portfolio.bind(definition);
  const { subjects: accounts, rows } = await inputsOf(metric, { kind: 'account' }, scene);
  const groupOf = await groupsOf(level, scene);
  const [portfolio] = await snapshot.measure([{ level, asOf, measures: [] }]);
  const rowsOf = (id: string) => rows.filter((_, i) => groupOf(accounts[i] ?? '') === id);
  return bothWays(metric, level, scene, portfolio?.subjects ?? [], {
    shared: (id) =>
      reduce(
        iterable(rowsOf(id), (row) => {
          current = { id, row };
          return sharedRow;
        }),
        contextOf(id),
      ),
    own: (id) =>
      reduce(
        rowsOf(id).map((row) => rowAt(names, () => row, faults)),
        contextOf(id),
      ),
  });
}

type Way = (subject: string, i: number) => ReturnType<MetricDefinition['compute']>;

function bothWays(
  { definition }: Asked,
  level: SubjectLevel,
  { report }: Scene,
  subjects: readonly string[],
  ways: { readonly shared: Way; readonly own: Way },
): Answers {
  const answer = (way: Way, id: string, i: number) => {
    const where = named(level, id);
    return checkedAnswer(
      definition,
      where,
      called(`metric "${definition.id}" for ${where}`, () => way(id, i), report),
      report,
    );
  };
  const differs = (id: string, one: Evaluated, other: Evaluated, code: 'IMPURE' | 'KEPT') => {
    const answers = `${JSON.stringify(one)} and ${JSON.stringify(other)}`;
    report(
      code === 'IMPURE'
        ? {
            code: 'RAPPORT_CONFORMANCE_IMPURE',
            sentence: `metric "${definition.id}" for ${named(level, id)}: ${answers} when called again; it must be pure, and keep nothing between calls`,
          }
        : {
            code: 'RAPPORT_CONFORMANCE_KEPT',
            sentence: `metric "${definition.id}" for ${named(level, id)}: ${answers} with an object of its own for each row; it keeps rows, which are one object filled anew: copy what you need`,
          },
    );
  };
  return underWatch(() => {
    const answers = subjects.map((id, i) => {
      const first = answer(ways.shared, id, i);
      const second = answer(ways.shared, id, i);
      if (!isDeepStrictEqual(second, first)) differs(id, first, second, 'IMPURE');
      return first;
    });
    for (let i = subjects.length - 1; i >= 0; i--) {
      const [id = '', first] = [subjects[i], answers[i]];
      if (!first) continue;
      const own = answer(ways.own, id, i);
      if (isDeepStrictEqual(own, first)) continue;
      const again = answer(ways.shared, id, i);
      if (isDeepStrictEqual(again, first)) differs(id, first, own, 'KEPT');
      else differs(id, first, again, 'IMPURE');
    }
    return new Map(subjects.map((id, i) => [id, answers[i] as Evaluated]));
  });
}

const iterable = (rows: readonly Row[], show: (row: Row) => Row): Iterable<Row> => ({
  *[Symbol.iterator]() {
    for (const row of rows) yield show(row);
  },
});

function contextFor(
  { definition, config }: Asked,
  { kind }: SubjectLevel,
  id: string,
  used: Used,
  { asOf, zone, report, onInstant }: Scene,
): ComputeContext<Row, string, string> {
  const resultFrom = (answers: Answers | undefined, name: string, hook: string, subject: string) => {
    if (!answers) {
      const sentence = `metric "${definition.id}" for ${kind} "${id}": it reads the metric "${name}", which its "${hook}" does not name`;
      report({ code: 'RAPPORT_CONFORMANCE_USES', sentence });
    }
    return resultOf(answers?.get(subject));
  };
  return Object.freeze({
    config,
    get asOf() {
      onInstant?.();
      return asOf;
    },
    calendar: zone,
    today: zone.dayOf(asOf - 1),
    isOver(day: number): boolean {
      if (day === zone.dayOf(asOf - 1)) onInstant?.();
      return zone.startOfDay(day + 1) <= asOf;
    },
    subject: Object.freeze({ kind, id }),
    metric: (name: string) => resultFrom(used.metric(name), name, 'uses', id),
    portfolio: (name: string) => resultFrom(used.portfolio(name), name, 'usesPortfolio', ''),
  });
}

/** An answer as another metric reads it. */
export const resultOf = (answer: Evaluated | undefined): MetricResult => ({
  value: answer?.value ?? null,
  reason: answer ? answer.reason : 'unavailable',
  part(name) {
    const value = ownEntry(answer?.parts, name);
    return typeof value === 'number' ? value : null;
  },
});

/** A subject in words. */
export const named = (level: SubjectLevel, id: string): string => {
  if (level.kind !== 'portfolio') return `${level.kind} "${id}"`;
  return level.by === undefined ? 'the portfolio' : `the portfolio where ${level.by} is "${id}"`;
};

/** The group of a portfolio that an account belongs to. */
export async function groupsOf(
  level: { readonly by?: string },
  { snapshot, asOf }: Scene,
): Promise<(account: string) => string> {
  const { by } = level;
  if (by === undefined) return () => '';
  const traits = await snapshot.traits('account', asOf);
  return (account) => readKey(ownEntry(traits.get(account), by)) ?? '';
}
