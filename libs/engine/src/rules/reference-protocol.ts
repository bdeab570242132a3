import type { ReferenceRule } from '@rapport/rules';

/** What is asked of the thread that runs json-rules-engine: one rule on the facts of some subjects. */
export interface ReferenceTask {
  readonly rule: ReferenceRule;
  readonly facts: readonly Readonly<Record<string, unknown>>[];
  /** Names of operators that plugins bring, and the verdicts that Rapport had of them, by `verdictKey`. */
  readonly operators: readonly string[];
  readonly verdicts: readonly (readonly [key: string, verdict: boolean | null])[];
  /** A byte for each subject, shared so that it outlives the thread; see `ANSWER`. */
  readonly marks: SharedArrayBuffer;
}
export interface ReferenceReply {
  /** The first reason for which a run was rejected. */
  readonly rejection: string | null;
  /** Why json-rules-engine does not take the rule at all. */
  readonly refusal: string | null;
}

export const ANSWER = { notYet: 0, underWay: 1, holds: 2, holdsNot: 3, rejects: 4 } as const;

export const verdictKey = (name: string, value: unknown, fact: unknown): string => JSON.stringify([name, value, fact]);
