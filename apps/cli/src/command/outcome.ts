import type { ExitCode } from '@rapport/errors';
import type { Io } from '../io.js';

/** What a command found out: one JSON document, and the same for people. */
export interface Outcome {
  readonly json: unknown;
  readonly text: string;
  readonly exitCode: ExitCode;
}

/** What every command is given. */
export interface Session {
  readonly io: Io;
  /** `--json`: nothing but the document goes to standard output, and no progress is shown. */
  readonly json: boolean;
  /** `--workspace`. */
  readonly workspace: string | undefined;
  /** A line for the person at the terminal, on standard error. */
  say(line: string): void;
}

/** Makes what commander calls of what a command does: gives it its session, and prints what it found out. */
export type Action = (
  run: (session: Session, args: readonly unknown[]) => Outcome | Promise<Outcome>,
) => (...all: unknown[]) => Promise<void>;
