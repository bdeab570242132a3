import { PassThrough, Readable, Writable } from 'node:stream';
import type { Io } from './io.js';

export interface RecordedIo extends Io {
  readonly out: () => string;
  readonly err: () => string;
}

/** An `Io` that keeps what is written to it, for running commands inside another program. */
export function recordedIo(options: {
  readonly cwd: string;
  readonly env?: Io['env'];
  readonly stdin?: string | Buffer;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
}): RecordedIo {
  const [stdout, out] = recorder();
  const [stderr, err] = recorder();
  return {
    cwd: options.cwd,
    env: options.env ?? {},
    stdin: options.stdin === undefined ? new PassThrough().end() : Readable.from([Buffer.from(options.stdin)]),
    stdout,
    stderr,
    signal: options.signal ?? new AbortController().signal,
    now: options.now ?? (() => Date.now()),
    out,
    err,
  };
}

function recorder(): [Writable, () => string] {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return [stream, () => chunks.join('')];
}
