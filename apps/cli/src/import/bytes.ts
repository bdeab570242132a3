import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';

/** What the bytes of an input were found to be at their end: whole, or cut short. */
export class Truncated extends Error {
  constructor(readonly reason: string) {
    super(reason);
    this.name = 'Truncated';
  }
}

export interface ByteSource {
  /** Chunks as they come from disk or pipe, unpacked when they are gzip. Throws `Truncated` after the last chunk that could be unpacked. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Bytes taken from disk or pipe so far (packed, when packed): for progress. */
  read(): number;
}

const CHUNK = 256 * 1024;

/** Opens a file. Gzip is told by its first two bytes, not by its name. */
export function fileBytes(path: string): ByteSource {
  return byteSource(createReadStream(path, { highWaterMark: CHUNK }));
}

/** Any stream of bytes, such as standard input. */
export function byteSource(stream: AsyncIterable<unknown>): ByteSource {
  let bytes = 0;
  async function* raw(): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
      bytes += buffer.length;
      yield buffer;
    }
  }
  return { chunks: unpacked(raw()), read: () => bytes };
}

async function* unpacked(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  // A pipe may deliver a single byte first.
  let head = Buffer.alloc(0);
  let ended = false;
  while (head.length < 2 && !ended) {
    const next = await chunks.next();
    if (next.done) ended = true;
    else head = Buffer.concat([head, next.value]);
  }
  const packed = head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b;
  async function* all() {
    if (head.length > 0) yield head;
    if (!ended) yield* chunks;
  }
  if (packed) yield* gunzip(all());
  else yield* all();
}

/** One small packed chunk at a time, so that what was unpacked before a fault is delivered before the fault is. */
async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const unzip = createGunzip();
  const out: Buffer[] = [];
  let fault: Error | undefined;
  unzip.on('data', (chunk: Buffer) => out.push(chunk));
  unzip.on('error', (error) => (fault = error));
  const faulted = new Promise<void>((resolve) => unzip.once('error', () => resolve()));
  const ended = new Promise<void>((resolve) => unzip.once('end', resolve));
  // The callback of a write that meets the fault is never called.
  const write = (chunk: Buffer) =>
    Promise.race([faulted, new Promise<void>((resolve) => unzip.write(chunk, () => resolve()))]);
  try {
    for await (const chunk of chunks) {
      for (let i = 0; i < chunk.length && !fault; i += 16_384) {
        await write(chunk.subarray(i, i + 16_384));
        yield* out.splice(0);
      }
      if (fault) break;
    }
    if (!fault) {
      unzip.end();
      await Promise.race([faulted, ended]);
    }
    yield* out.splice(0);
    if (fault) throw new Truncated(fault.message);
  } finally {
    unzip.destroy();
  }
}
