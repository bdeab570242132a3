import type { SegmentDocument } from '@rapport/sdk';
import { compile, readerOf, type FactReader } from './condition.js';
import { instantOf } from './operator.js';

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
