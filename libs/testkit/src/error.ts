import type { Breach } from './finding.js';

/** What the kit refuses, or a metric that breaks its contract. Codes: `RAPPORT_TESTKIT_…`, listed in the README. */
export class TestkitError extends Error {
  constructor(
    readonly code: `RAPPORT_TESTKIT_${'CALL' | 'CONFIG' | 'SUBJECT' | 'METRIC' | 'CONTRACT' | 'STORE'}`,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'TestkitError';
  }
}

/** Refuses a breach of the contract at once. Throws `RAPPORT_TESTKIT_CONTRACT`. */
export function refuse({ code, sentence }: Breach): never {
  throw new TestkitError('RAPPORT_TESTKIT_CONTRACT', `${sentence} (${code})`);
}
