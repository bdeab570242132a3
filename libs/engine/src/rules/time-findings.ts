import { factsOf, type Finding, type OperatorSet } from '@rapport/rules';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import type { Moment } from '@rapport/sdk/time';
import type { Snapshot } from '@rapport/store';
import { factTable, traitUses } from '../membership/facts.js';
import { traitKey } from '../measurement/planner.js';
import { unreadableFacts, unreadableSentence } from '../unreadable-times.js';

/** Traits that a document reads as a time, and that some of its subjects have as something else (`RAPPORT_RULES_TIME`), at the conditions that read them. */
export async function timeFindings(
  document: SegmentDocument | PlaybookDocument,
  snapshot: Snapshot,
  { at, zone }: Moment,
  operators: OperatorSet,
): Promise<readonly Finding[]> {
  const uses = factsOf(document, operators).filter(({ reading }) => reading === 'time');
  const { measured } = traitUses(uses);
  if (measured.length === 0) return [];
  const level = { kind: document.subject } as const;
  const measures = measured.map(({ trait, as }) => ({ node: 'trait', name: trait, as }) as const);
  const [frame] = await snapshot.measure([{ level, asOf: at, measures }]);
  if (!frame) return [];
  const traits = new Map(measured.map((use, i) => [traitKey(use), i]));
  const table = factTable({ frame, traits, results: { level, subjects: frame.subjects, columns: {} } }, null);
  return unreadableFacts(table, uses, zone).flatMap((time) =>
    uses
      .filter(({ fact }) => fact === time.name)
      .map(({ pointer }) => ({
        code: 'RAPPORT_RULES_TIME',
        pointer,
        message: unreadableSentence(time, document.subject),
        sample: null,
      })),
  );
}
