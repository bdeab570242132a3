import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import type { Moment } from '@rapport/sdk/time';
import type { FactCatalogue } from './catalogue.js';
import { usesOf } from './condition.js';
import { anyTime } from './moment.js';
import { cellsOf, MOST_CELLS, type Cells, type Sample } from './lint-cells.js';
import { irOf, leavesOf, type ResolvedCondition } from './ir.js';
import type { LintSetting } from './lint-values.js';
import type { OperatorSet, Verdict } from './operator.js';
import { isFactValue } from './pair.js';
import type { Problem } from './problem.js';
import { conditionsOf, rulesOf, type DocumentRules } from './resolution.js';

/** Something about a valid document that is probably not meant. */
export interface Finding extends Problem {
  /** Facts of a subject that shows it; null where it cannot be told. Facts that are null are unknown. */
  readonly sample: Sample | null;
}

export interface LintOptions {
  /** The moment that `withinNext` and `withinLast` count from, in the zone that times are read in; samples hold then. */
  readonly now: Moment;
  /** Types, ranges and values of facts: what cannot be is not thought of. */
  readonly catalogue?: FactCatalogue;
  /** Operators that there are beside Rapport's own. What they say is only found by trying. */
  readonly operators?: OperatorSet;
}

/** Most leaves that are evaluated for one document: a second or so. */
const MOST_WORK = 20_000_000;

interface Lint {
  readonly setting: LintSetting;
  readonly findings: Finding[];
  /** How many evaluations are left. */
  left: number;
}

const report = (lint: Lint, code: string, pointer: string, message: string, sample: Sample | null): void => {
  lint.findings.push({ code, pointer, message, sample });
};
const cannotTell = (lint: Lint, pointer: string, message: string): void => {
  report(lint, 'RAPPORT_RULES_CANNOT_TELL', pointer, `cannot tell ${message}.`, null);
};

/** Whether a condition tests several facts together, somewhere in it: no value of one fact stands for others there. */
function isJoint(condition: ResolvedCondition): boolean {
  if ('all' in condition) return condition.all.some(isJoint);
  if ('any' in condition) return condition.any.some(isJoint);
  if ('not' in condition) return isJoint(condition.not);
  if ('condition' in condition) return condition.means !== undefined && isJoint(condition.means);
  return 'compat' in condition || isFactValue(condition.value);
}

/** The cells of some conditions; null, once reported, when there are too many or too much has been tried already. */
function cellsFor(lint: Lint, conditions: readonly ResolvedCondition[], pointer: string, what: string): Cells | null {
  const together = conditions.some(isJoint);
  const cells = together ? null : cellsOf(conditions, lint.setting);
  if (together) {
    cannotTell(lint, pointer, `${what}: facts are compared with each other, or by json-rules-engine's rules`);
    return null;
  }
  if (!cells) {
    cannotTell(lint, pointer, `${what}: the facts make more than ${String(MOST_CELLS)} different subjects`);
    return null;
  }
  lint.left -= cells.size * conditions.flatMap((condition) => usesOf(condition, '', lint.setting.operators)).length;
  if (lint.left >= 0) return cells;
  cannotTell(lint, pointer, `${what}: the document is too large to try all of it`);
  return null;
}

/** A cell for which something holds, rather one that can surely be; null when there is none. */
function witness(
  cells: Cells,
  holds: (cell: number) => boolean,
): { readonly cell: number; readonly sure: boolean } | null {
  let unsure: number | null = null;
  for (let cell = 0; cell < cells.size; cell++) {
    if (!holds(cell)) continue;
    if (cells.isPossible(cell)) return { cell, sure: true };
    unsure ??= cell;
  }
  return unsure === null ? null : { cell: unsure, sure: false };
}

/** What some subject shows, and what to say of it. */
interface Claim {
  readonly code: string;
  readonly pointer: string;
  /** A clause that ends without a full stop. */
  readonly claim: string;
  readonly advice: string;
  readonly holds: (cell: number) => boolean;
}

/** Reports what some subject shows; that it cannot be told, when no subject that shows it can surely be. */
function reportWitness(lint: Lint, cells: Cells, { code, pointer, claim, advice, holds }: Claim): void {
  const found = witness(cells, holds);
  if (found?.sure) report(lint, code, pointer, `${claim}: ${advice}`, cells.sampleAt(found.cell));
  else if (found) cannotTell(lint, pointer, `whether ${claim}: its facts rest on each other`);
}

const childrenOf = (
  condition: ResolvedCondition,
  pointer: string,
): readonly (readonly [ResolvedCondition, string])[] => {
  if ('all' in condition) return condition.all.map((child, i) => [child, `${pointer}/all/${String(i)}`]);
  if ('any' in condition) return condition.any.map((child, i) => [child, `${pointer}/any/${String(i)}`]);
  return 'not' in condition ? [[condition.not, `${pointer}/not`]] : [];
};

const factsIn = (condition: ResolvedCondition, { operators }: LintSetting): string => {
  const facts = [...new Set(usesOf(condition, '', operators).map(({ fact }) => `"${fact}"`))];
  return facts.length > 3 ? `${facts.slice(0, 3).join(', ')} and others` : facts.join(', ');
};

/** What a condition makes of all cells: whether it is ever true, ever false, and subjects of each kind, rather all known. */
function outcomesOf(verdict: (cell: number) => Verdict, cells: Cells) {
  const first = new Map<Verdict, number>();
  for (let cell = 0; cell < cells.size; cell++) {
    const found = verdict(cell);
    if (!first.has(found)) first.set(found, cell);
  }
  return first;
}

/** Reports a condition that says the same of everyone; returns whether it did. */
function lintConstant(lint: Lint, cells: Cells, condition: ResolvedCondition, pointer: string): boolean {
  const first = outcomesOf(cells.test(condition), cells);
  const [holds, fails] = [first.get(true), first.get(false)];
  if (holds !== undefined && fails !== undefined) return false;
  const facts = factsIn(condition, lint.setting);
  if (cells.doubt !== null)
    cannotTell(lint, pointer, `whether this is ${holds === undefined ? 'ever' : 'always'} true: ${cells.doubt}`);
  else if (holds === undefined) {
    const message = `this is never true, whatever ${facts} may be; correct it or leave it out.`;
    report(lint, 'RAPPORT_RULES_NEVER_TRUE', pointer, message, cells.sampleAt(fails ?? first.get(null) ?? 0));
  } else {
    const message =
      facts === ''
        ? 'this is always true: it asks nothing.'
        : `this is true of everyone whose facts are known, whatever ${facts} may be.`;
    report(lint, 'RAPPORT_RULES_ALWAYS_TRUE', pointer, message, cells.sampleAt(holds));
  }
  return true;
}

/** Of a reference, its name says enough. */
const unlessMeant = (key: string, value: unknown): unknown => (key === 'means' ? undefined : value);

/** Reports conditions of one list that say the same of every subject as one before them. */
function lintDuplicates(lint: Lint, cells: Cells, children: readonly (readonly [ResolvedCondition, string])[]): void {
  const before = new Map<string, string>();
  for (const [child, pointer] of children) {
    const test = cells.test(child);
    const verdicts = Array.from({ length: cells.size }, (_, cell) => test(cell));
    const [holds, fails] = [verdicts.indexOf(true), verdicts.indexOf(false)];
    // What is said alike of the subjects tried may be said otherwise of those that cannot be.
    const key = cells.doubt === null ? verdicts.join() : JSON.stringify(child, unlessMeant);
    const same = before.get(key);
    before.set(key, same ?? pointer);
    if (same === undefined || (cells.doubt === null && (holds === -1 || fails === -1))) continue;
    report(
      lint,
      'RAPPORT_RULES_DUPLICATE',
      pointer,
      `this says the same as ${same}; keep one.`,
      cells.sampleAt(holds === -1 ? 0 : holds),
    );
  }
}

/**
 * What a condition and its parts say of everyone, and what they say twice. Parts of what is constant are not looked into, and named conditions by
 * themselves. That facts are tested together is told once, of the whole.
 */
function lintCondition(lint: Lint, condition: ResolvedCondition, pointer: string, told = false): void {
  if (lint.left < 0 || 'condition' in condition) return;
  const together = isJoint(condition);
  const cells = together && told ? null : cellsFor(lint, [condition], pointer, 'whether this is ever, or always, true');
  if (cells && lintConstant(lint, cells, condition, pointer)) return;
  const children = childrenOf(condition, pointer);
  if (cells && children.length > 1) lintDuplicates(lint, cells, children);
  for (const [child, place] of children) lintCondition(lint, child, place, together);
}

function lintExit(lint: Lint, enter: ResolvedCondition, exit: ResolvedCondition): void {
  const cells = cellsFor(lint, [enter, exit], '/exit', 'whether "enter" and "exit" can both be true');
  if (!cells) return;
  const [enters, leaves] = [cells.test(enter), cells.test(exit)];
  reportWitness(lint, cells, {
    code: 'RAPPORT_RULES_ENTER_AND_EXIT',
    pointer: '/exit',
    claim: '"enter" and "exit" can both be true',
    advice: 'such a subject stays out, and leaves when it is in. Keep them apart.',
    holds: (cell) => enters(cell) === true && leaves(cell) === true,
  });
}

/** Whether anyone gets to a band, and which band before it takes some of those who could. */
function lintBand(
  lint: Lint,
  cells: Cells,
  bands: DocumentRules['enters'],
  tests: readonly ((cell: number) => Verdict)[],
  i: number,
): void {
  const { id } = bands[i] ?? { id: '' };
  const pointer = `/bands/${String(i)}`;
  const mine = (cell: number) => tests[i]?.(cell) === true;
  const earlierAt = (cell: number) => tests.slice(0, i).findIndex((test) => test(cell) === true);
  const takerAt = (cell: number) => bands[earlierAt(cell)]?.id ?? '';
  const both = witness(cells, (cell) => mine(cell) && earlierAt(cell) !== -1);
  if (!both) return;
  const taker = takerAt(both.cell);
  if (witness(cells, (cell) => mine(cell) && earlierAt(cell) === -1)) {
    reportWitness(lint, cells, {
      code: 'RAPPORT_RULES_OVERLAP',
      pointer,
      claim: `the bands "${taker}" and "${id}" can both be true`,
      advice: `the first, "${taker}", is taken. Keep them apart, or leave it so if that is meant.`,
      holds: (cell) => mine(cell) && takerAt(cell) === taker,
    });
  } else if (cells.doubt !== null) cannotTell(lint, pointer, `whether anyone gets to the band "${id}": ${cells.doubt}`);
  else {
    const message = `no one gets to the band "${id}": whoever could is taken by a band before it, such as "${taker}".`;
    report(lint, 'RAPPORT_RULES_SHADOWED', pointer, message, cells.sampleAt(both.cell));
  }
}

function lintBands(lint: Lint, bands: DocumentRules['enters']): void {
  const conditions = bands.map(({ condition }) => condition);
  const cells = cellsFor(lint, conditions, '/bands', 'whether bands overlap or leave gaps');
  if (!cells) return;
  const tests = conditions.map((condition) => cells.test(condition));
  bands.forEach((_, i) => {
    lintBand(lint, cells, bands, tests, i);
  });
  const allKnown = (cell: number) => Object.values(cells.sampleAt(cell)).every((value) => value !== null);
  reportWitness(lint, cells, {
    code: 'RAPPORT_RULES_GAP',
    pointer: '/bands',
    claim: 'the bands leave a gap',
    advice: 'someone of whom all is known is in none of them.',
    holds: (cell) => tests.every((test) => test(cell) === false) && allKnown(cell),
  });
}

/** The values of facts that a document names, in its rules and its tests. */
function examplesIn(document: SegmentDocument | PlaybookDocument, operators?: OperatorSet): LintSetting['examples'] {
  const leaves = conditionsOf(document).flatMap(({ condition }) => leavesOf(irOf(condition, anyTime, '', operators)));
  const named = leaves.flatMap(({ fact, operator, question, value }): readonly (readonly [string, unknown])[] => {
    if (question.kind === 'among') return Array.from(question.members, (member) => [fact, member]);
    return operator === 'startsWith' ? [[fact, value]] : [];
  });
  const tests = document.kind === 'segment' ? (document.tests ?? []) : [];
  const values = new Map<string, unknown[]>();
  for (const [fact, value] of [...named, ...tests.flatMap(({ facts }) => Object.entries(facts))]) {
    const those = values.get(fact) ?? [];
    those.push(value);
    values.set(fact, those);
  }
  return (fact) => values.get(fact) ?? [];
}

/**
 * What is probably not meant in a valid document: conditions that are never or always true (`RAPPORT_RULES_NEVER_TRUE`, `_ALWAYS_TRUE`: of
 * whomever the facts are known) or said twice (`_DUPLICATE`), bands that nobody gets to, that overlap or that leave a gap (`_SHADOWED`,
 * `_OVERLAP`, `_GAP`), an "enter" and "exit" that are true at once (`_ENTER_AND_EXIT`), and named conditions that no rule refers to (`_UNUSED`); `_CANNOT_TELL` where that is not decided.
 *
 * Every subject that the rules can tell apart is tried, by the predicate itself; facts that the catalogue does not say to rest on each
 * other are taken to be independent. Each finding has the facts of one subject that shows it, as of `now`.
 */
export function lint(
  document: SegmentDocument | PlaybookDocument,
  { now, catalogue, operators }: LintOptions,
): readonly Finding[] {
  const setting: LintSetting = {
    now,
    catalogue: catalogue ?? null,
    examples: examplesIn(document, operators),
    operators,
  };
  const state: Lint = { setting, findings: [], left: MOST_WORK };
  const { enters, exit, named, unused } = rulesOf(document);
  for (const { condition, pointer } of [...conditionsOf(document), ...named]) lintCondition(state, condition, pointer);
  for (const pointer of unused)
    report(
      state,
      'RAPPORT_RULES_UNUSED',
      pointer,
      'no rule of the document refers to this; use it or remove it.',
      null,
    );
  const [enter] = enters;
  if (enter && exit) lintExit(state, enter.condition, exit.condition);
  if (document.kind === 'segment' && document.bands) lintBands(state, enters);
  return state.findings;
}
