import { type ColumnReader, type FactReading, type FactUse } from '@rapport/rules';
import { readerOf } from '../measurement/trait-reader.js';
import { type Json, type Properties } from '@rapport/store';
import type { EvaluatedLevel } from '../measurement/evaluation.js';
import { measuredAs, traitKey, type TraitUse } from '../measurement/planner.js';
import { factColumn, traitReader, type MeasuredTraits } from '../measurement/trait-reader.js';

/** Facts of all subjects of one kind: metric results, traits, and the segments moved so far. */
export interface FactTable {
  readonly subjects: readonly string[];
  /** Facts as columns, for rules over all subjects at once. */
  readonly columns: ColumnReader;
  /** Membership by segment key: 1 for a member. Filled as segments are moved. */
  readonly segments: Map<string, Uint8Array>;
  /** The facts that a rule uses, for one subject, as JSON. */
  factsAt(uses: readonly FactUse[], subject: number): Properties;
}

/** The trait measures that rules need. Booleans and traits of any type are not measured but read from the traits themselves. */
export function traitUses(uses: readonly FactUse[]): {
  readonly measured: readonly TraitUse[];
  readonly whole: boolean;
} {
  const measured = new Map<string, TraitUse>();
  let whole = false;
  for (const { fact, reading } of uses) {
    if (!fact.startsWith('trait.')) continue;
    const as = measuredAs(reading);
    if (as === null) whole = true;
    else {
      const use = { trait: fact.slice(6), as };
      measured.set(traitKey(use), use);
    }
  }
  return { measured: [...measured.values()], whole };
}

const readings: readonly FactReading[] = ['any', 'boolean', 'text', 'number', 'time'];
const plainest = ({ reading }: FactUse): number => readings.indexOf(reading);

/**
 * The facts of one level.
 *
 * @param traits all traits of the level's subjects, where rules read traits of any type; else null
 */
export function factTable(
  level: MeasuredTraits & Pick<EvaluatedLevel, 'results'>,
  traits: ReadonlyMap<string, Properties> | null,
): FactTable {
  const { results } = level;
  const { subjects } = level.frame;
  const ofTrait = traitReader(level, traits);
  const segments = new Map<string, Uint8Array>();
  const columns: ColumnReader = (fact, reading) => {
    if (fact.startsWith('segment.')) {
      const key = fact.slice(8);
      return (i) => {
        const members = segments.get(key);
        return members ? members[i] === 1 : null;
      };
    }
    if (fact.startsWith('trait.')) return ofTrait(fact.slice(6), reading);
    return factColumn(Object.hasOwn(results.columns, fact) ? results.columns[fact] : undefined);
  };
  return {
    subjects,
    columns,
    segments,
    factsAt(uses, subject) {
      const facts: Record<string, Json> = Object.fromEntries(uses.map(({ fact }) => [fact, null]));
      // Of a metric that is read in several ways, as it is rather than as a time: what is read from it again comes out the same.
      for (const { fact, reading } of [...uses].sort((a, b) => plainest(a) - plainest(b))) {
        if (facts[fact] !== null) continue;
        const value = readerOf(columns(fact, reading))(subject);
        const isInstant = reading === 'time' && typeof value === 'number' && !fact.startsWith('trait.');
        facts[fact] = isInstant ? new Date(value).toISOString() : ((value ?? null) as Json);
      }
      return facts;
    },
  };
}
