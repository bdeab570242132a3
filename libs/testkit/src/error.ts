/** What the kit refuses, or a metric that breaks its contract. Codes: `RAPPORT_TESTKIT_…`, listed in the README. */
export class TestkitError extends Error {
  constructor(
    readonly code: `RAPPORT_TESTKIT_${'CALL' | 'CONFIG' | 'SUBJECT' | 'METRIC' | 'CONTRACT'}`,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'TestkitError';
  }
}
