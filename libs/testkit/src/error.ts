import { RapportError } from '@rapport/errors';
import type { Breach } from './finding.js';

/** What the kit refuses, or a metric that breaks its contract. Codes: `RAPPORT_TESTKIT_…`, listed in the README. */
export class TestkitError extends RapportError {
  override readonly name = 'TestkitError';
}

/** Refuses a breach of the contract at once. Throws `RAPPORT_TESTKIT_CONTRACT`. */
export function refuse({ code, sentence }: Breach): never {
  throw new TestkitError('RAPPORT_TESTKIT_CONTRACT', `${sentence} (${code})`);
}
