import type { Duration } from './window.js';

/** json-rules-engine's condition language, evaluated with three-valued logic: a missing or null fact is unknown. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly fact: string; readonly operator: string; readonly value?: unknown };

/** One of several exclusive classes; the first whose `enter` is true wins. */
export interface Band {
  readonly id: string;
  readonly title: string;
  readonly enter: Condition;
}

export interface DocumentTest {
  readonly name: string;
  readonly asOf?: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** `in`, `out`, `unknown`, or the id of a band. */
  readonly expect: string;
}

/** A segment: one rule (`enter`, optional `exit`), or several exclusive `bands`. Membership keys are `<id>` and `<id>.<band>`. */
export interface SegmentDocument {
  readonly $schema?: string;
  readonly kind: 'segment';
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly subject: 'account' | 'user';
  readonly enter?: Condition;
  readonly exit?: Condition;
  readonly bands?: readonly Band[];
  /** On an unknown verdict a member stays (`hold`, default) or leaves (`leave`). */
  readonly onUnknown?: 'hold' | 'leave';
  readonly minimumDwell?: Duration;
  readonly tests?: readonly DocumentTest[];
}

export interface PlaybookStep {
  readonly id: string;
  /** Id of an action plugin. */
  readonly action: string;
  /** Input of the action, checked against its schema. */
  readonly with?: Readonly<Record<string, unknown>>;
}

/** What happens when a subject enters or leaves a segment, or begins to satisfy the playbook's own rule (`when`). */
export interface PlaybookDocument {
  readonly $schema?: string;
  readonly kind: 'playbook';
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly subject: 'account' | 'user';
  readonly trigger: { readonly segment: string; readonly on: 'enter' | 'exit' } | { readonly when: Condition };
  readonly steps: readonly PlaybookStep[];
}

export interface SegmentDefinition {
  readonly kind: 'segment';
  readonly id: string;
  readonly document: SegmentDocument;
}
export interface PlaybookDefinition {
  readonly kind: 'playbook';
  readonly id: string;
  readonly document: PlaybookDocument;
}

/** A segment package's default export. */
export const defineSegment = (document: SegmentDocument): SegmentDefinition => ({
  kind: 'segment',
  id: document.id,
  document,
});
/** A playbook package's default export. */
export const definePlaybook = (document: PlaybookDocument): PlaybookDefinition => ({
  kind: 'playbook',
  id: document.id,
  document,
});
