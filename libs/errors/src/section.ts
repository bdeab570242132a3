/** What a command ends with. Documented in docs/cli.md; scripts rely on it. */
export const exit = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  configuration: 3,
  refused: 4,
  store: 5,
  notFound: 6,
  interrupted: 130,
} as const;
export type ExitName = keyof typeof exit;
export type ExitCode = (typeof exit)[ExitName];

/** HTTP statuses that an error can end a request with. */
export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 421 | 422 | 428 | 500 | 503;

export interface ErrorEntry {
  /** What happened, in a sentence; Markdown. */
  readonly what: string;
  /** The way out, in a sentence; Markdown. */
  readonly todo: string;
  /**
   * The sentence that it is thrown with, where that is always the same but for some values: `no parked delivery has the key "{key}"`. Plain text, without a
   * full stop: it names the thing and the place, and says what to do. `failure` fills it in.
   */
  readonly says?: string;
  /**
   * HTTP status of a request that ends with it. Without one a request ends with `RAPPORT_HTTP_INTERNAL`: the code belongs to the command, to a start,
   * or to a report inside a response, and its message may name what a client should not see.
   */
  readonly status?: ErrorStatus;
  /** What a command ends with; the section's, where it is not given. */
  readonly exit?: ExitName;
}

/** Codes in one table of docs/errors.md. */
export interface ErrorGroup<Code extends string> {
  /** What stands above the table. */
  readonly lead?: string;
  /** Heading of the column that says what happened. */
  readonly column?: string;
  readonly codes: { readonly [C in Code]?: ErrorEntry };
}

/** One chapter of docs/errors.md. */
export interface ErrorSection<Code extends string> {
  readonly title: string;
  /** What a command ends with; 1 (unexpected) by default. */
  readonly exit?: ExitName;
  readonly groups: readonly ErrorGroup<Code>[];
}

/** Declares a section. Its type knows the codes, and the sentences. */
export const section = <const S extends ErrorSection<string>>(section: S): S => section;
