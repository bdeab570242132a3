import type { SegmentDocument } from '@rapport/sdk';
import { compile, readerOf, type FactReader } from './condition.js';
import { irOf, leavesOf } from './ir.js';
import { instantOf } from './operator.js';
import { conditionsOf, factsOf } from './validation.js';

/** `in`, `out`, `unknown`, or the id of the band. */
export type Placement = string;

/**
 * Where a segment puts subjects that are in none of its memberships: `in` or `out` for a plain segment, the first band whose rule is true,
 * `unknown` when nothing is true and something is unknown.
 */
export function placementOf(
  document: SegmentDocument,
  reader: FactReader,
  now: number,
): (subject: number) => Placement {
  const bands = (document.bands ?? (document.enter ? [{ id: 'in', enter: document.enter }] : [])).map((band) => ({
    id: band.id,
    test: compile(band.enter, reader, now),
  }));
  return (subject) => {
    let unknown = false;
    for (const band of bands) {
      const verdict = band.test(subject);
      if (verdict === true) return band.id;
      if (verdict === null) unknown = true;
    }
    return unknown ? 'unknown' : 'out';
  };
}

export interface FailedTest {
  readonly name: string;
  readonly pointer: string;
  readonly expected: Placement;
  readonly found: Placement;
}

/** Runs a valid document's own tests and returns those that fail. A test without `asOf` is evaluated as of 1970-01-01. */
export function runTests(document: SegmentDocument): readonly FailedTest[] {
  return (document.tests ?? []).flatMap((test, i) => {
    const found = placementOf(document, readerOf(test.facts), instantOf(test.asOf) ?? 0)(0);
    return found === test.expect
      ? []
      : [{ name: test.name, pointer: `/tests/${String(i)}`, expected: test.expect, found }];
  });
}

/** What a document's tests made of one of its leaves. */
export interface LeafCoverage {
  /** JSON Pointer of the leaf. */
  readonly pointer: string;
  /** The fact that it reads. */
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
export function coverageOf(document: SegmentDocument): {
  readonly leaves: readonly LeafCoverage[];
  readonly covered: number;
} {
  const runs = (document.tests ?? []).map(({ facts, asOf }) =>
    conditionsOf(document)
      .flatMap(({ condition, pointer }) => leavesOf(irOf(condition, instantOf(asOf) ?? 0, pointer)))
      .map(({ fact, test }) => test(Object.hasOwn(facts, fact) ? facts[fact] : null)),
  );
  const leaves = factsOf(document).map(({ pointer, fact, operator }, i) => ({
    pointer,
    fact,
    operator,
    wasTrue: runs.some((verdicts) => verdicts[i] === true),
    wasFalse: runs.some((verdicts) => verdicts[i] === false),
  }));
  return { leaves, covered: leaves.filter(({ wasTrue, wasFalse }) => wasTrue && wasFalse).length };
}
