import type { Readable, Writable } from 'node:stream';

/** The process, as the commands see it. Tests give them another. */
export interface Io {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Fires when the person presses Ctrl-C or the process is asked to end. */
  readonly signal: AbortSignal;
  /** Epoch ms. */
  now(): number;
}
