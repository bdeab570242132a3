import {
  compile,
  factsOf,
  placementOf,
  rulesOf,
  type FactReader,
  type FactUse,
  type OperatorSet,
} from '@rapport/rules';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { readTime, type Moment, type Zone } from '@rapport/sdk/time';
import type { Snapshot } from '@rapport/store';
import type { FactTable } from '../membership/facts.js';
import { readerOf } from '../measurement/trait-reader.js';
import { measureTraits, type TraitColumns } from './trait-profile.js';

/** A fact that keeps subjects unknown. */
export interface UnknownFact {
  readonly fact: string;
  /** Subjects without a value. */
  readonly missing: number;
  /** Subjects whose trait is there, but not as the rule reads it: a text that is no time, a number that is text. */
  readonly unreadable: number;
  /** One of these values; null where there is none. */
  readonly example: string | number | null;
}
/** Subjects that a rule can say nothing of. */
export interface Unknowns {
  readonly subjects: number;
  /** Why, the fact that most of them lack first; at most ten. A subject may lack several. */
  readonly because: readonly UnknownFact[];
}

const MOST_SHOWN = 10;

/** Subjects of whom a document's rules are neither true nor false. */
function unknownRows(
  document: SegmentDocument | PlaybookDocument,
  { subjects }: FactTable,
  reader: FactReader,
  moment: Moment,
  operators: OperatorSet,
): readonly number[] {
  const rows = subjects.map((_, row) => row);
  if (document.kind === 'segment') {
    const placement = placementOf(document, reader, moment, operators);
    return rows.filter((row) => placement(row) === 'unknown');
  }
  const tests = rulesOf(document).enters.map(({ condition }) => compile(condition, reader, moment, operators));
  return rows.filter((row) => tests.some((test) => test(row) === null));
}

/** How many subjects a document can say nothing of, and which facts they lack. */
export async function unknownsOf(
  document: SegmentDocument | PlaybookDocument,
  table: FactTable,
  snapshot: Snapshot,
  moment: Moment,
  operators: OperatorSet,
): Promise<Unknowns> {
  const reader: FactReader = (fact, reading) => readerOf(table.columns(fact, reading));
  const rows = unknownRows(document, table, reader, moment, operators);
  if (rows.length === 0) return { subjects: 0, because: [] };
  const uses = [...new Map(factsOf(document, operators).map((use) => [`${use.fact} ${use.reading}`, use])).values()];
  const names = [...new Set(uses.flatMap(({ fact }) => (fact.startsWith('trait.') ? [fact.slice(6)] : [])))];
  const { traits } = await measureTraits(snapshot, document.subject, moment.at, names);
  const because = uses.map((use) => lackOf(use, rows, reader, traits.get(use.fact.slice(6)), moment.zone));
  return {
    subjects: rows.length,
    because: because
      .filter(({ missing, unreadable }) => missing + unreadable > 0)
      .sort((a, b) => b.missing + b.unreadable - (a.missing + a.unreadable))
      .slice(0, MOST_SHOWN),
  };
}

function lackOf(
  { fact, reading }: FactUse,
  rows: readonly number[],
  reader: FactReader,
  trait: TraitColumns | undefined,
  zone: Zone,
): UnknownFact {
  const read = reader(fact, reading);
  let [missing, unreadable] = [0, 0];
  let example: string | number | null = null;
  for (const row of rows) {
    const value = read(row) ?? null;
    if (reading === 'time' ? readTime(value, zone) !== null : value !== null) continue;
    const written = fact.startsWith('trait.') ? (trait?.text(row) ?? trait?.number(row) ?? null) : null;
    if (written === null) missing += 1;
    else {
      unreadable += 1;
      example ??= written;
    }
  }
  return { fact, missing, unreadable, example };
}
