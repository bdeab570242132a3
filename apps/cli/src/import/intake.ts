import { mergedUnreadable, type IngestReport, type UnreadableTime } from '@rapport/engine';
import type { RefusalLedger } from './refusals.js';

/** How many calls go to the engine at once, and how many such batches may be under way. */
export const BATCH = 2_000;
const IN_FLIGHT = 4;

export interface FileReport {
  readonly file: string;
  /** Lines of NDJSON, or rows of CSV without the header. */
  readonly lines: number;
  /** Calls made of them. */
  readonly calls: number;
  readonly accepted: number;
  /** Calls that were known already. */
  readonly duplicates: number;
  readonly refused: number;
  /** Values that should be times and cannot be read as one. */
  readonly unreadable: readonly UnreadableTime[];
}

interface Batch {
  readonly calls: unknown[];
  readonly lines: number[];
}

/** Gathers calls of one file into batches and keeps several under way, so that reading, checking and writing overlap in constant memory. */
export function fileIntake(
  file: string,
  ingest: (calls: readonly unknown[]) => Promise<IngestReport>,
  ledger: RefusalLedger,
) {
  let batch: Batch = { calls: [], lines: [] };
  const underWay = new Set<Promise<void>>();
  const counts = { lines: 0, calls: 0, accepted: 0, duplicates: 0, refused: 0 };
  let unreadable: readonly UnreadableTime[] = [];
  let fault: unknown;

  const send = () => {
    const { calls, lines } = batch;
    if (calls.length === 0) return;
    batch = { calls: [], lines: [] };
    const sent: Promise<void> = ingest(calls)
      .then((report) => {
        counts.accepted += report.accepted;
        counts.duplicates += report.duplicates;
        unreadable = mergedUnreadable([unreadable, report.unreadable]);
        for (const { index, code, pointer, message } of report.refused) {
          counts.refused++;
          ledger.add({ file, line: lines[index] ?? 0, code, pointer, message, input: calls[index] });
        }
      })
      .catch((error: unknown) => {
        fault ??= error ?? new Error('ingest failed');
      })
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
  };

  return {
    counts,
    /** A line was read, whatever becomes of it. */
    seen() {
      counts.lines++;
    },
    call(line: number, call: unknown) {
      counts.calls++;
      batch.calls.push(call);
      batch.lines.push(line);
      if (batch.calls.length >= BATCH) send();
    },
    refuse(line: number, code: string, pointer: string, message: string, input: unknown) {
      counts.refused++;
      ledger.add({ file, line, code, pointer, message, input });
    },
    /** Resolves when there is room for more. Throws what the engine threw: nothing more can be stored. */
    async room() {
      while (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
      if (fault) throw fault as Error;
      await ledger.settle();
    },
    /** Everything so far is stored, durably, or refused. */
    async finish(): Promise<FileReport> {
      send();
      await Promise.all(underWay);
      if (fault) throw fault as Error;
      return { file, ...counts, unreadable };
    },
  };
}
export type FileIntake = ReturnType<typeof fileIntake>;
