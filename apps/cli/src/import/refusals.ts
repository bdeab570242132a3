import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';

/** A line, or a call made from it, that was not imported. */
export interface RefusedLine {
  readonly file: string;
  readonly line: number;
  /** `RAPPORT_IMPORT_*`, `RAPPORT_INGEST_*`. */
  readonly code: string;
  /** JSON Pointer into the call, or "" for the line as a whole. */
  readonly pointer: string;
  readonly message: string;
  /** The call as it would have been ingested, or the text of the line (at most 64 Ki characters). */
  readonly input: unknown;
}
export interface RefusalReason {
  readonly code: string;
  readonly count: number;
  readonly examples: readonly Omit<RefusedLine, 'input' | 'code'>[];
}

const LONGEST_INPUT = 65_536;

/** Counts refusals by reason, keeps the first few of each, and writes all of them to a file when one is given. */
export function refusalLedger(examples: number, path?: string) {
  const reasons = new Map<string, { count: number; examples: Omit<RefusedLine, 'input' | 'code'>[] }>();
  const out = path === undefined ? undefined : createWriteStream(path);
  let fault: Error | undefined;
  out?.on('error', (error) => (fault = error));
  let total = 0;
  return {
    get total() {
      return total;
    },
    add({ input, ...refused }: RefusedLine) {
      total++;
      const { code, ...example } = refused;
      let reason = reasons.get(code);
      if (!reason) reasons.set(code, (reason = { count: 0, examples: [] }));
      reason.count++;
      if (reason.examples.length < examples) reason.examples.push(example);
      if (!out) return;
      const kept = typeof input === 'string' && input.length > LONGEST_INPUT ? input.slice(0, LONGEST_INPUT) : input;
      out.write(`${JSON.stringify({ ...refused, input: kept })}\n`);
    },
    /** Waits while the file is slower than the import. */
    async settle() {
      if (fault) throw fault;
      if (out?.writableNeedDrain) await once(out, 'drain');
    },
    async close() {
      if (!out) return;
      out.end();
      await finished(out);
    },
    /** Most frequent first. */
    reasons(): RefusalReason[] {
      return [...reasons]
        .map(([code, reason]) => ({ code, ...reason }))
        .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
    },
  };
}
export type RefusalLedger = ReturnType<typeof refusalLedger>;
