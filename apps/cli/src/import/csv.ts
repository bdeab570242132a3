import { CUT_SHORT, INVALID_UTF8, LONGEST_LINE, TOO_LONG } from './lines.js';

/** A record and the physical line it begins on. */
export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly string[];
}
/** A line that no record could be made of. */
export interface CsvFault {
  readonly line: number;
  readonly code: string;
  readonly message: string;
  readonly text: string;
}
export interface CsvSink {
  record(record: CsvRecord): void;
  fault(fault: CsvFault): void;
}

interface Pending {
  readonly line: number;
  readonly text: string;
}

/**
 * RFC 4180 records from physical lines. A quoted cell may span lines. A quote that is never closed costs its own line and no
 * more: it is refused there, and reading goes on with the line after it.
 */
export function csvReader(sink: CsvSink, delimiter = ',', longest = LONGEST_LINE) {
  /** Lines of a record whose quoted cell is still open. */
  let pending: Pending[] = [];
  let pendingLength = 0;
  let openQuote = false;

  const fault = ({ line, text }: Pending, code: string, message: string) => {
    sink.fault({ line, code, message, text });
  };
  const whole = (line: number, cells: string[]) => sink.record({ line, cells });

  /** Takes one line; gives back the lines that have to be read again. */
  function take(next: Pending): Pending[] {
    const { text } = next;
    const mark = text.charCodeAt(0);
    if (mark >= 0xdc80 && mark <= 0xdc82) {
      const again = pending.length > 0 ? giveUp() : [];
      if (again.length > 0) return [...again, next];
      fault({ line: next.line, text: text.slice(1) }, ...markMeaning(text));
      return [];
    }
    if (pending.length === 0) {
      const bare = text.endsWith('\r') ? text.slice(0, -1) : text;
      if (bare === '') return [];
      if (!bare.includes('"')) {
        whole(next.line, bare.split(delimiter));
        return [];
      }
    }
    pending.push(next);
    pendingLength += text.length + 1;
    // Only an even number of quotes can close the cell, so a record is parsed once.
    if (countQuotes(text) % 2 === 1) openQuote = !openQuote;
    if (openQuote) return pendingLength > longest ? giveUp() : [];
    const joined = pending.map((p) => p.text).join('\n');
    const result = parseRecord(joined.endsWith('\r') ? joined.slice(0, -1) : joined, delimiter);
    const [begin, others] = letGo();
    if (typeof result === 'string') {
      fault(begin, 'RAPPORT_IMPORT_CSV_QUOTE', result);
      return others;
    }
    whole(begin.line, result);
    return [];
  }

  function letGo(): [Pending, Pending[]] {
    const [begin, ...others] = pending as [Pending, ...Pending[]];
    pending = [];
    pendingLength = 0;
    openQuote = false;
    return [begin, others];
  }

  function giveUp(): Pending[] {
    const [begin, others] = letGo();
    fault(begin, 'RAPPORT_IMPORT_CSV_QUOTE', neverClosed);
    return others;
  }

  function drain(lines: Pending[]) {
    const queue = lines.reverse();
    for (let next = queue.pop(); next; next = queue.pop()) {
      const again = take(next);
      for (let i = again.length - 1; i >= 0; i--) queue.push(again[i] as Pending);
    }
  }

  return {
    push(line: number, text: string) {
      drain([{ line, text }]);
    },
    end() {
      while (pending.length > 0) drain(giveUp());
    },
  };
}

/** The meaning of a marked line: code and sentence. */
export function markMeaning(text: string): [code: string, message: string] {
  switch (text[0]) {
    case INVALID_UTF8:
      return ['RAPPORT_IMPORT_UTF8', 'the line is not valid UTF-8; save the file as UTF-8'];
    case TOO_LONG:
      return ['RAPPORT_IMPORT_LINE_TOO_LONG', `the line is longer than ${LONGEST_LINE / 1024} KiB and was not read`];
    case CUT_SHORT:
    default:
      return [
        'RAPPORT_IMPORT_GZIP_TRUNCATED',
        `the gzip data ends or breaks here (${text.slice(1)}); fetch the file again and import it again: what was imported already is not counted twice`,
      ];
  }
}

function countQuotes(text: string): number {
  let quotes = 0;
  for (let i = text.indexOf('"'); i !== -1; i = text.indexOf('"', i + 1)) quotes++;
  return quotes;
}

const neverClosed = 'a quoted cell begins here and is never closed; double the quote ("") if it belongs to the text';

/** The cells of a record, or what is wrong with it. */
function parseRecord(text: string, delimiter: string): string[] | string {
  const cells: string[] = [];
  let i = 0;
  for (;;) {
    if (text[i] === '"') {
      let cell = '';
      let from = i + 1;
      for (;;) {
        const quote = text.indexOf('"', from);
        if (quote === -1) return neverClosed;
        cell += text.slice(from, quote);
        if (text[quote + 1] !== '"') {
          i = quote + 1;
          break;
        }
        cell += '"';
        from = quote + 2;
      }
      cells.push(cell);
      if (i >= text.length) return cells;
      if (text[i] !== delimiter) {
        return `text follows the closing quote of cell ${cells.length}; double a quote ("") that belongs to the text`;
      }
      i++;
    } else {
      const end = text.indexOf(delimiter, i);
      const cell = end === -1 ? text.slice(i) : text.slice(i, end);
      if (cell.includes('"')) {
        return `cell ${cells.length + 1} has a quote but does not begin with one; put the whole cell in quotes and double the quote inside ("")`;
      }
      cells.push(cell);
      if (end === -1) return cells;
      i = end + 1;
    }
    if (i >= text.length) {
      cells.push('');
      return cells;
    }
  }
}
