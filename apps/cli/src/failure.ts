/** What the process ends with. Documented in docs/cli.md; scripts rely on it. */
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
export type ExitCode = (typeof exit)[keyof typeof exit];

/** An error that the person at the terminal can act on: a stable code, a sentence with a way out, and what the process ends with. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'Failure';
  }
}

export interface FailureReport {
  readonly code: string;
  readonly message: string;
  readonly exitCode: ExitCode;
}

const exitByArea: readonly (readonly [RegExp, ExitCode])[] = [
  [/^RAPPORT_(CONFIG|WORKSPACE|MAPPING|HTTP)_/, exit.configuration],
  [/^RAPPORT_(STORE_DOCUMENT_CONFLICT$|RULES_(REFUSED|UNCHANGED|ELSEWHERE|USED|APPROVAL)$)/, exit.refused],
  [/^RAPPORT_RULES_VERSION$/, exit.notFound],
  [/^RAPPORT_STORE_/, exit.store],
  [/^RAPPORT_(EVALUATE_METRIC|ANALYSIS_(UNKNOWN_SUBJECT|RUN|COHORT))$/, exit.notFound],
  [/^RAPPORT_(USAGE|EVALUATE|ANALYSIS|SDK_DURATION|SCAFFOLD|RULES)/, exit.usage],
];

/** Any thrown value as a code, a sentence and an exit code. `RAPPORT_<AREA>_<NAME>: …` is recognised wherever it was thrown. */
export function failureReport(error: unknown): FailureReport {
  if (error instanceof Failure) return { code: error.code, message: error.message, exitCode: error.exitCode };
  const text = error instanceof Error ? error.message : String(error);
  const own = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const match = /^(RAPPORT_[A-Z0-9_]+):? ?/.exec(text);
  const code = own?.startsWith('RAPPORT_') ? own : match?.[1];
  if (!code) return { code: 'RAPPORT_CLI_UNEXPECTED', message: text, exitCode: exit.unexpected };
  const message = match?.[1] === code ? text.slice(match[0].length) : text;
  return { code, message, exitCode: exitByArea.find(([pattern]) => pattern.test(code))?.[1] ?? exit.unexpected };
}
