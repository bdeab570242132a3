import { comparableRules, compatNames, type ComparableRule, type OperatorSet, type Verdict } from '@rapport/rules';
import {
  EngineError,
  documentsAmong,
  operatorsOf,
  trying,
  verdictsOf,
  type LoadedDocument,
} from '@rapport/plugin-host';
import { zone, type Moment } from '@rapport/sdk/time';
import type { Properties } from '@rapport/store';
import { readerOf } from '../measurement/trait-reader.js';
import type { FactTable } from '../membership/facts.js';
import { membersBySegment, moveAll } from '../membership/move-all.js';
import type { RunSetting } from '../membership/setting.js';
import { factsFor, factsOfLatestRun } from './rehearsal.js';
import { createReferenceEngine, type ReferenceAnswer, type ReferenceEngine } from './reference.js';
import { verdictKey } from './reference-protocol.js';

export interface VerifyOptions {
  /** Instant, epoch ms; default that of the latest run, else now. */
  readonly asOf?: number;
  /** Subjects of each kind, evenly spread over all; default all. */
  readonly subjects?: number;
  /** Documents to verify, as `segment/<id>` or `playbook/<id>`; default all that are in force. */
  readonly documents?: readonly string[];
  /** Time in all, ms; what is not compared by then is left out, and `isComplete` is false. Default ten minutes. */
  readonly timeoutMs?: number;
  /** What json-rules-engine may use, MiB; default 256. */
  readonly memoryMb?: number;
  /** Called after each rule, with the comparisons so far and those that there are. */
  readonly progress?: (done: number, of: number) => void;
}
/** A subject of whom the two engines do not say the same. */
export interface VerifyDifference {
  readonly subject: string;
  readonly rapport: 'true' | 'false' | 'unknown';
  /** `rejects`: json-rules-engine rejected the run; `no answer`: it hung, or used up its memory. */
  readonly jsonRulesEngine: 'true' | 'false' | 'rejects' | 'no answer';
  readonly facts: Properties;
}
export interface VerifiedRule {
  /** JSON Pointer in the document. */
  readonly pointer: string;
  /** Subjects of whom both were asked. */
  readonly compared: number;
  /** Subjects that were left out, as the rule lacks a fact of them: `strict` documents call that unknown, json-rules-engine false. */
  readonly unknown: number;
  readonly differ: number;
  /** The first ten that differ. */
  readonly differences: readonly VerifyDifference[];
  /** Why json-rules-engine rejected or gave no answer, the first time that it did. */
  readonly reason: string | null;
  /** Why json-rules-engine was not asked; null where it was. */
  readonly leftOut: string | null;
}
export interface VerifiedDocument {
  /** `segment/<id>` or `playbook/<id>`. */
  readonly document: string;
  readonly version: string;
  readonly mode: 'strict' | 'compat';
  readonly rules: readonly VerifiedRule[];
}
export interface VerifyReport {
  readonly engine: string;
  readonly asOf: string;
  readonly documents: readonly VerifiedDocument[];
  readonly compared: number;
  readonly differ: number;
  /** Whether time was enough for all of it. */
  readonly isComplete: boolean;
}

const ENGINE = 'json-rules-engine 7.3.1';
const SHOWN = 10;
const TIMEOUT_MS = 600_000;
/** Time for json-rules-engine to answer about 200 subjects. */
const ANSWER_MS = 10_000;
const MEMORY_MB = 256;

const wordOf = (verdict: Verdict) => (verdict === null ? 'unknown' : verdict ? 'true' : 'false');
const answerOf = (answer: ReferenceAnswer) => (typeof answer === 'boolean' ? (answer ? 'true' : 'false') : answer);
const keyOf = ({ document }: LoadedDocument): string => `${document.kind}/${document.id}`;

/** Rows of a table, at most so many, evenly spread. */
function rowsOf({ subjects }: FactTable, most: number): readonly number[] {
  const count = Math.min(most, subjects.length);
  return Array.from({ length: count }, (_, k) => Math.floor((k * subjects.length) / count));
}

/**
 * Puts the rules in force to json-rules-engine itself, over today's facts, and tells of whom the two do not say the same. Rules of `compat`
 * documents must agree on everyone, also where json-rules-engine rejects; those of `strict` documents where they say what json-rules-engine
 * can say, of subjects whose facts are all known. Computes; writes nothing.
 */
export async function verify(setting: RunSetting, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { store, clock, plugins } = setting;
  const all = documentsAmong(plugins);
  const unknown = options.documents?.find((key) => !all.some((plugin) => keyOf(plugin) === key));
  if (unknown !== undefined)
    throw new EngineError(
      'RAPPORT_RULES_VERIFY',
      `there is no ${unknown} in force. In force: ${all.map(keyOf).join(', ') || 'none'}.`,
    );
  const until = Date.now() + (options.timeoutMs ?? TIMEOUT_MS);
  const snapshot = await store.snapshot();
  const reference = createReferenceEngine({ timeMs: ANSWER_MS, memoryMb: options.memoryMb ?? MEMORY_MB });
  try {
    const found = options.asOf === undefined ? await factsOfLatestRun(setting, plugins, all, snapshot) : null;
    const asOf = found?.asOf ?? options.asOf ?? (await store.latestRun())?.asOf ?? clock.now();
    const moment = { at: asOf, zone: zone(store.zone) };
    const tables = found?.tables ?? (await factsFor(setting, plugins, all, snapshot, asOf));
    const verdicts = verdictsOf(trying(setting));
    // Segments that rules ask for are moved first, as a run would.
    const members = membersBySegment(await store.memberships({}));
    await moveAll(all, tables, members, moment, verdicts, { described: 0 });

    const operators = operatorsOf(plugins);
    const chosen = all.filter((plugin) => options.documents?.includes(keyOf(plugin)) ?? true);
    const work = chosen.map((plugin) => {
      const table = tables.get(plugin.document.subject);
      return {
        plugin,
        table,
        rows: table ? rowsOf(table, options.subjects ?? Infinity) : [],
        rules: comparableRules(plugin.document, operators),
      };
    });
    const total = work.reduce((sum, { rows, rules }) => sum + rows.length * rules.length, 0);
    let done = 0;
    let isComplete = true;
    const documents: VerifiedDocument[] = [];
    for (const { plugin, table, rows, rules } of work) {
      const verified: VerifiedRule[] = [];
      for (const rule of rules) {
        if (Date.now() >= until) isComplete = false;
        verified.push(
          isComplete && table
            ? await verifyRule(rule, table, rows, moment, verdicts, operators, reference)
            : nothingOf(rule, table ? 'there was no time left' : `there are no ${plugin.document.subject}s`),
        );
        options.progress?.((done += rows.length), total);
      }
      const { document, version } = plugin;
      documents.push({ document: keyOf(plugin), version, mode: document.mode ?? 'strict', rules: verified });
    }
    const sum = (of: 'compared' | 'differ') =>
      documents.reduce((so, { rules }) => so + rules.reduce((far, rule) => far + rule[of], 0), 0);
    return {
      engine: ENGINE,
      asOf: new Date(asOf).toISOString(),
      documents,
      compared: sum('compared'),
      differ: sum('differ'),
      isComplete,
    };
  } finally {
    await reference.close();
    await snapshot.close();
  }
}

const nothingOf = ({ pointer }: ComparableRule, leftOut: string): VerifiedRule => ({
  pointer, compared: 0, unknown: 0, differ: 0, differences: [], reason: null, leftOut,
}); // prettier-ignore

async function verifyRule(
  rule: ComparableRule,
  table: FactTable,
  rows: readonly number[],
  moment: Moment,
  verdicts: ReturnType<typeof verdictsOf>,
  operators: OperatorSet,
  reference: ReferenceEngine,
): Promise<VerifiedRule> {
  const { pointer, incomparable } = rule;
  if (incomparable !== null) return nothingOf(rule, `${incomparable}.`);
  const { ours, said } = await verdicts.settle(({ quiet }) => {
    const recorded = recording(quiet);
    const evaluate = rule.evaluate(
      (fact, reading) => readerOf(table.columns(fact, reading)),
      moment,
      recorded.operators,
    );
    return { ours: rows.map((row) => ({ row, ...evaluate(row) })), said: recorded.verdicts };
  });
  const asked = ours.filter(({ agrees }) => agrees);
  const facts = asked.map(({ row }) => known(table.factsAt(rule.uses, row)));
  const { answers, reason } = await reference.evaluate({
    rule: rule.reference,
    facts,
    operators: [...compatNames(operators).keys()],
    verdicts: [...said],
  });
  const differing = asked.flatMap(({ row, verdict }, i): readonly VerifyDifference[] => {
    const theirs = answers[i] ?? 'no answer';
    if (theirs === verdict || (theirs === 'rejects' && verdict === null)) return [];
    const subject = table.subjects[row] ?? '';
    return [{ subject, rapport: wordOf(verdict), jsonRulesEngine: answerOf(theirs), facts: facts[i] ?? {} }];
  });
  return {
    pointer,
    compared: asked.length,
    unknown: ours.length - asked.length,
    differ: differing.length,
    differences: differing.slice(0, SHOWN),
    reason,
    leftOut: null,
  };
}

/** Facts as json-rules-engine takes them: one without a value is none. */
const known = (facts: Properties): Properties =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null));

/** The same operators, and every verdict that they gave, for json-rules-engine to have the same. */
function recording(set: OperatorSet): {
  readonly operators: OperatorSet;
  readonly verdicts: ReadonlyMap<string, boolean | null>;
} {
  const verdicts = new Map<string, boolean | null>();
  const operators = new Map(
    Array.from(set, ([name, rule]) => [
      name,
      {
        ...rule,
        test: (...given: Parameters<typeof rule.test>) => {
          const test = rule.test(...given);
          return (fact: unknown) => {
            const verdict = test(fact);
            verdicts.set(verdictKey(rule.compatName ?? name, given[0], fact), verdict);
            return verdict;
          };
        },
      },
    ]),
  );
  return { operators, verdicts };
}
