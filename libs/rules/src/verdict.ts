import type { SegmentDocument } from '@rapport/sdk';
import { readAsOf, type Moment, type Zone } from '@rapport/sdk/time';
import { compile, readerOf, type FactReader } from './condition.js';
import { anyTime } from './moment.js';
import { irOf, partsOf, type RuleLeaf } from './ir.js';
import type { RuleJoint } from './joint.js';
import type { OperatorSet, Verdict } from './operator.js';
import { conditionsOf, rulesOf } from './resolution.js';

/** `in`, `out`, `unknown`, or the id of the band. */
export type Placement = string;

/**
 * Where a segment puts subjects that are in none of its memberships: `in` or `out` for a plain segment (`out` also where its `exit` is true), the first band
 * whose rule is true, `unknown` when nothing is true and something is unknown.
 *
 * @param more operators beside Rapport's own
 */
export function placementOf(
  document: SegmentDocument,
  reader: FactReader,
  now: Moment,
  more?: OperatorSet,
): (subject: number) => Placement {
  const { enters, exit } = rulesOf(document);
  const keepsOut = exit && compile(exit.condition, reader, now, more);
  const bands = enters.map(({ id, condition }) => ({
    id,
    test: compile(condition, reader, now, more),
  }));
  return (subject) => {
    if (keepsOut?.(subject) === true) return 'out';
    let unknown = false;
    for (const band of bands) {
      const verdict = band.test(subject);
      if (verdict === true) return band.id;
      if (verdict === null) unknown = true;
    }
    return unknown ? 'unknown' : 'out';
  };
}

/** A move to nowhere, and none at all; else a move is to the `enter` of that number. */
export const OUT = -1;
export const STAYS = -2;

/** The verdicts that decide where a subject goes. */
export interface Verdicts {
  /** How many rules let in. */
  readonly enters: number;
  /** Of the rule of that number; they are asked in turn until one is true. */
  readonly enter: (rule: number, subject: number) => Verdict;
  readonly exit: ((subject: number) => Verdict) | null;
  readonly leavesOnUnknown: boolean;
}

/**
 * Where a subject goes: the number of an `enter` (it may be there already), `OUT`, or `STAYS`. A segment's only way out is its `exit`, where it has one; it also
 * keeps from entering.
 */
export function destinationOf(
  { enters, enter, exit, leavesOnUnknown }: Verdicts,
  subject: number,
  isMember: boolean,
): number {
  if (exit) {
    const leaves = exit(subject);
    if (isMember) return leaves === true || (leaves === null && leavesOnUnknown) ? OUT : STAYS;
    if (leaves === true) return STAYS;
  }
  let unknown = false;
  for (let rule = 0; rule < enters; rule++) {
    const verdict = enter(rule, subject);
    if (verdict === true) return rule;
    if (verdict === null) unknown = true;
  }
  return isMember && (leavesOnUnknown || !unknown) ? OUT : STAYS;
}

/** Where a member of a segment is after an evaluation, whatever its dwell: `in` or a band, or `out`. */
function placementAfter(
  document: SegmentDocument,
  member: Placement,
  reader: FactReader,
  now: Moment,
  more?: OperatorSet,
): Placement {
  const { enters, exit } = rulesOf(document);
  const tests = enters.map(({ condition }) => compile(condition, reader, now, more));
  const verdicts: Verdicts = {
    enters: tests.length,
    enter: (rule, subject) => tests[rule]?.(subject) ?? null,
    exit: exit && compile(exit.condition, reader, now, more),
    leavesOnUnknown: document.onUnknown === 'leave',
  };
  const to = destinationOf(verdicts, 0, true);
  return to === STAYS ? member : (enters[to]?.id ?? 'out');
}

export interface FailedTest {
  readonly name: string;
  readonly pointer: string;
  readonly expected: Placement;
  readonly found: Placement;
}

/** The moment of a document's test: its `asOf`, a day to its end, or the beginning of 1970. */
const momentOf = (asOf: unknown, zone: Zone): Moment => ({ at: readAsOf(asOf, zone) ?? 0, zone });

/**
 * Runs a valid document's own tests and returns those that fail. A test without `asOf` is evaluated as of 1970-01-01T00:00Z.
 *
 * @param zone that of the workspace, in which times are read
 */
export function runTests(document: SegmentDocument, zone: Zone, more?: OperatorSet): readonly FailedTest[] {
  return (document.tests ?? []).flatMap((test, i) => {
    const [reader, now] = [readerOf(test.facts), momentOf(test.asOf, zone)];
    const { member = false } = test;
    const found =
      member === false
        ? placementOf(document, reader, now, more)(0)
        : placementAfter(document, member === true ? 'in' : member, reader, now, more);
    return found === test.expect
      ? []
      : [{ name: test.name, pointer: `/tests/${String(i)}`, expected: test.expect, found }];
  });
}

/** What a document's tests made of one of its leaves, or of one of the places that test several facts together. */
export interface LeafCoverage {
  /** JSON Pointer of the leaf; of a condition of a `compat` document as a whole. */
  readonly pointer: string;
  /** The fact that it reads; several parted by commas. */
  readonly fact: string;
  readonly operator: string;
  /** Whether some test's facts made it true, and whether some made it false. */
  readonly wasTrue: boolean;
  readonly wasFalse: boolean;
}

/**
 * Condition coverage of a valid document by its own tests: each leaf of its conditions, in document order. Leaves are looked at whether or
 * not the verdict hung on them; a leaf that is unknown is neither true nor false. Covered is what was both.
 */
export function coverageOf(
  document: SegmentDocument,
  zone: Zone,
  more?: OperatorSet,
): {
  readonly leaves: readonly LeafCoverage[];
  readonly covered: number;
} {
  const partsAt = (now: Moment) =>
    conditionsOf(document).flatMap(({ condition, pointer }) => partsOf(irOf(condition, now, pointer, more)));
  const found = new Map<
    string,
    { pointer: string; fact: string; operator: string; wasTrue: boolean; wasFalse: boolean }
  >();
  // What is reached by references from several places is one.
  for (const part of partsAt(anyTime)) {
    const { pointer, operator } = part;
    const fact = part.kind === 'leaf' ? part.fact : part.facts.map((each) => each.fact).join(', ');
    found.set(pointer, { pointer, fact, operator, wasTrue: false, wasFalse: false });
  }
  for (const { facts, asOf } of document.tests ?? [])
    for (const part of partsAt(momentOf(asOf, zone))) {
      const leaf = found.get(part.pointer);
      const verdict = verdictOn(part, facts);
      if (leaf && verdict === true) leaf.wasTrue = true;
      if (leaf && verdict === false) leaf.wasFalse = true;
    }
  const leaves = [...found.values()];
  return { leaves, covered: leaves.filter(({ wasTrue, wasFalse }) => wasTrue && wasFalse).length };
}

function verdictOn(part: RuleLeaf | RuleJoint, facts: Readonly<Record<string, unknown>>): Verdict {
  const valueOf = (fact: string) => (Object.hasOwn(facts, fact) ? facts[fact] : null);
  return part.kind === 'leaf' ? part.test(valueOf(part.fact)) : part.test(part.facts.map(({ fact }) => valueOf(fact)));
}
