/** What is wrong with a document, and where. */
export interface Problem {
  /** `RAPPORT_RULES_*`. */
  readonly code: string;
  /** JSON Pointer into the document. */
  readonly pointer: string;
  /** A sentence that says what is wrong and what to write instead. */
  readonly message: string;
}

/** One token of a JSON Pointer (RFC 6901). */
export const pointerToken = (token: string | number): string =>
  String(token).replaceAll('~', '~0').replaceAll('/', '~1');

/** Where a named condition stands in its document. */
export const namedPointer = (name: string): string => `/conditions/${pointerToken(name)}`;
