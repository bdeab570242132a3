import { exit, reported, type ExitCode } from '@rapport/errors';

export interface FailureReport {
  readonly code: string;
  readonly message: string;
  readonly exitCode: ExitCode;
}

/** Any thrown value as a code, a sentence and an exit code; `RAPPORT_CLI_UNEXPECTED` for what is not in the registry of errors. */
export function failureReport(thrown: unknown): FailureReport {
  const known = reported(thrown);
  if (known) return { code: known.code, message: known.sentence, exitCode: known.exit };
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'RAPPORT_CLI_UNEXPECTED', message, exitCode: exit.unexpected };
}
