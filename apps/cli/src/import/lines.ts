import { isUtf8 } from 'node:buffer';
import { Truncated, type ByteSource } from './bytes.js';

/** Physical lines of a text, in order. `first` is the number of the first one; numbering starts at 1. */
export interface Lines {
  readonly first: number;
  /** Without line feed; a carriage return before it is still there. */
  readonly lines: readonly string[];
}

/*
 * A line that cannot be used stands as a mark and an excerpt. The marks are lone surrogates, which no valid UTF-8 decodes to.
 */
export const INVALID_UTF8 = '\uDC80';
export const TOO_LONG = '\uDC81';
export const CUT_SHORT = '\uDC82';
const EXCERPT = 200;

/** Longest line that is kept, in bytes. What is longer is read past, not held. */
export const LONGEST_LINE = 1_048_576;

/**
 * Cuts bytes into lines in constant memory. A byte order mark is dropped. A line that is not UTF-8, or too long, is marked; after
 * gzip that ends too early comes one line marked as cut short, so that whoever reads the lines can say where it happened.
 */
export async function* readLines(source: ByteSource, longest = LONGEST_LINE): AsyncGenerator<Lines> {
  let number = 1;
  /** The beginning of a line whose end has not come; once it is too long, an excerpt. */
  const rest: { parts: Buffer[]; length: number; skipping: boolean } = { parts: [], length: 0, skipping: false };

  const finish = (): Buffer => {
    const whole = rest.parts.length === 1 ? (rest.parts[0] as Buffer) : Buffer.concat(rest.parts);
    rest.parts = [];
    rest.length = 0;
    return whole;
  };
  const keep = (chunk: Buffer) => {
    if (chunk.length === 0 || rest.skipping) return;
    rest.parts.push(chunk);
    rest.length += chunk.length;
    if (rest.length > longest) {
      const excerpt = Buffer.from(finish().subarray(0, EXCERPT));
      rest.parts = [excerpt];
      rest.skipping = true;
    }
  };
  const takeRest = (): string => {
    const line = finish();
    const text = rest.skipping ? TOO_LONG + line.toString() : decodeLine(line);
    rest.skipping = false;
    return text;
  };

  try {
    for await (const chunk of withoutByteOrderMark(source.chunks)) yield* cut(chunk);
  } catch (error) {
    if (!(error instanceof Truncated)) throw error;
    yield { first: number, lines: [`${CUT_SHORT}${error.reason}`] };
    return;
  }
  if (rest.length > 0 || rest.skipping) yield { first: number, lines: [takeRest()] };

  function* cut(chunk: Buffer): Generator<Lines> {
    const last = chunk.lastIndexOf(10);
    if (last === -1) {
      keep(chunk);
      return;
    }
    const lines: string[] = [];
    let from = 0;
    if (rest.length > 0 || rest.skipping) {
      const end = chunk.indexOf(10);
      keep(chunk.subarray(0, end));
      lines.push(takeRest());
      from = end + 1;
    }
    if (from <= last) decodeLines(chunk.subarray(from, last), lines, longest);
    keep(chunk.subarray(last + 1));
    const first = number;
    number += lines.length;
    yield { first, lines };
  }
}

async function* withoutByteOrderMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < 3) continue;
    yield head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? head.subarray(3) : head;
    head = undefined;
  }
  if (head && head.length > 0) yield head;
}

/** The lines of a block that begins at a line's start and ends before a line feed. */
function decodeLines(block: Buffer, lines: string[], longest: number) {
  const sound = isUtf8(block);
  if (sound && block.length <= longest) {
    const text = block.toString();
    let from = 0;
    for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
      lines.push(text.slice(from, to));
      from = to + 1;
    }
    lines.push(text.slice(from));
    return;
  }
  let from = 0;
  while (from <= block.length) {
    let to = block.indexOf(10, from);
    if (to === -1) to = block.length;
    const line = block.subarray(from, to);
    lines.push(line.length > longest ? TOO_LONG + line.toString('utf8', 0, EXCERPT) : decodeLine(line));
    from = to + 1;
  }
}

const decodeLine = (line: Buffer): string =>
  isUtf8(line) ? line.toString() : INVALID_UTF8 + line.toString('utf8', 0, EXCERPT);
