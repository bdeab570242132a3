import type { ByteSource } from './bytes.js';
import { markMeaning } from './csv.js';
import type { FileIntake } from './intake.js';
import { readLines } from './lines.js';

/** One call of the Segment spec per line. Empty lines are passed over; what is not a JSON object is refused, and the rest goes on. */
export async function importNdjson(source: ByteSource, intake: FileIntake, signal: AbortSignal): Promise<void> {
  for await (const { first, lines } of readLines(source)) {
    for (const [i, text] of lines.entries()) {
      const mark = text.charCodeAt(0);
      if (text === '' || text === '\r') continue;
      intake.seen();
      if (mark >= 0xdc80 && mark <= 0xdc82) {
        const [code, message] = markMeaning(text);
        intake.refuse(first + i, code, '', message, text.slice(1));
        continue;
      }
      let call: unknown;
      try {
        call = JSON.parse(text);
      } catch (error) {
        if (text.trim() === '') continue;
        intake.refuse(first + i, 'RAPPORT_IMPORT_JSON', '', `not JSON: ${(error as Error).message}`, text);
        continue;
      }
      if (typeof call !== 'object' || call === null || Array.isArray(call)) {
        const hint = Array.isArray(call)
          ? 'a list; write one call per line (jq -c ".[]")'
          : call === null
            ? 'null'
            : typeof call;
        intake.refuse(
          first + i,
          'RAPPORT_IMPORT_NOT_A_CALL',
          '',
          `the line must be one JSON object with a "type", and is ${hint}`,
          call,
        );
        continue;
      }
      intake.call(first + i, call);
    }
    await intake.room();
    if (signal.aborted) return;
  }
}
