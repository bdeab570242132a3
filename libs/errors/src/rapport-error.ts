import { errorOf, type ErrorCode, type RegisteredError, type ValuesOf } from './registry.js';

export interface FailureOptions extends ErrorOptions {
  /** JSON Pointer of the place in what was given. */
  readonly pointer?: string;
}

/** An error that a person can act on: a stable code, and a sentence that names the thing and the place, and says what to do. */
export class RapportError extends Error {
  /** The sentence alone; `message` begins with the code. */
  readonly sentence: string;

  /** JSON Pointer of the place in what was given, where one applies. */
  readonly pointer: string | undefined;

  constructor(
    readonly code: ErrorCode,
    sentence: string,
    options: FailureOptions = {},
  ) {
    super(`${code}: ${sentence}`, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'RapportError';
    this.sentence = sentence;
    this.pointer = options.pointer;
  }
}

/** The error with the sentence of the registry, and these values in it. */
export function failure<Code extends ErrorCode>(
  code: Code,
  values: ValuesOf<Code>,
  options?: FailureOptions,
): RapportError {
  const given: Readonly<Record<string, string | number>> = values;
  const sentence = (errorOf(code)?.says ?? '').replaceAll(/\{(\w+)\}/g, (_, name: string) => String(given[name]));
  return new RapportError(code, sentence, options);
}

/** A registered error and the sentence that it was thrown with. */
export interface Reported extends RegisteredError {
  readonly sentence: string;
}

/**
 * Anything thrown as a registered error; null when it has no known code. The code is a `code` of its own, or begins the message
 * (`RAPPORT_<AREA>_<NAME>: …`), as in what the SDK throws and what comes from a worker.
 */
export function reported(thrown: unknown): Reported | null {
  if (!(thrown instanceof Error)) return null;
  const [prefix = '', told] = /^(RAPPORT_[A-Z0-9_]+):? ?/.exec(thrown.message) ?? [];
  const own = 'code' in thrown ? errorOf(thrown.code) : null;
  const known = own ?? errorOf(told);
  if (!known) return null;
  return { ...known, sentence: told === known.code ? thrown.message.slice(prefix.length) : thrown.message };
}
