import type { Duration } from './window.js';

/**
 * json-rules-engine's condition language, evaluated with three-valued logic: a missing or null fact is unknown. `{ "condition": name }` stands for
 * the one of that name among the document's `conditions`; a `value` of `{ "fact": name }` is the value of that fact.
 */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly condition: string }
  | { readonly fact: string; readonly operator: string; readonly value?: unknown };

/** What any condition of json-rules-engine may have beside what it asks. */
export interface CompatLabels {
  /** Those of a group with the highest are evaluated first, and may spare the others. */
  readonly priority?: number;
  readonly name?: string;
}
/** A condition of a `compat` document: json-rules-engine's own, evaluated as its version 7.3.1 does. */
export type CompatCondition = CompatLabels &
  (
    | { readonly all: readonly CompatCondition[] }
    | { readonly any: readonly CompatCondition[] }
    | { readonly not: CompatCondition }
    | { readonly condition: string }
    | {
        readonly fact: string;
        /** Decorators may go before it: `not:someFact:equal`. */
        readonly operator: string;
        readonly value: unknown;
        /** A plain path such as `$.plan.name` or `$.seats[0]` into the fact. */
        readonly path?: string;
        /** Without effect: facts are fetched before. */
        readonly params?: Readonly<Record<string, unknown>>;
      }
  );

/** One of several exclusive classes; the first whose `enter` is true wins. */
export interface Band<C = Condition> {
  readonly id: string;
  readonly title: string;
  readonly enter: C;
}

export interface DocumentTest {
  readonly name: string;
  readonly asOf?: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /**
   * Whether the subject is a member already (with bands: the id of the band that it is in; default false). Then `exit` and `onUnknown` count, and
   * `expect` is where it is afterwards; `minimumDwell` is taken to be over.
   */
  readonly member?: boolean | string;
  /** `in`, `out`, `unknown` (unless it is a member), or the id of a band. */
  readonly expect: string;
}

/** How the conditions of a document are evaluated: with three values, checked in every respect. */
export interface StrictMode {
  readonly mode?: 'strict';
  /** Conditions that `{ "condition": name }` refers to, by name. */
  readonly conditions?: Readonly<Record<string, Condition>>;
}
/** How the conditions of a document are evaluated: exactly as json-rules-engine 7.3.1 does. A rule that it rejects, as for a missing fact, is unknown. */
export interface CompatMode {
  readonly mode: 'compat';
  /** Conditions that `{ "condition": name }` refers to, by name. */
  readonly conditions?: Readonly<Record<string, CompatCondition>>;
  /** A reference to a condition that does not exist is false; without it, the document is refused. */
  readonly allowUndefinedConditions?: boolean;
  /** A fact without a value is undefined, and compared as such; without it, the rule is unknown. */
  readonly allowUndefinedFacts?: boolean;
}

/** What a segment has in either mode, with conditions of the mode. */
export interface SegmentContent<C> {
  readonly $schema?: string;
  readonly kind: 'segment';
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly subject: 'account' | 'user';
  readonly enter?: C;
  readonly exit?: C;
  readonly bands?: readonly Band<C>[];
  /** On an unknown verdict a member stays (`hold`, default) or leaves (`leave`). */
  readonly onUnknown?: 'hold' | 'leave';
  readonly minimumDwell?: Duration;
  readonly tests?: readonly DocumentTest[];
}

/** A segment: one rule (`enter`, optional `exit`), or several exclusive `bands`. Membership keys are `<id>` and `<id>.<band>`. */
export type SegmentDocument = (SegmentContent<Condition> & StrictMode) | (SegmentContent<CompatCondition> & CompatMode);

export interface PlaybookStep {
  readonly id: string;
  /** Id of an action plugin. */
  readonly action: string;
  /** Input of the action, checked against its schema. */
  readonly with?: Readonly<Record<string, unknown>>;
}

/** What a playbook has in either mode, with conditions of the mode. */
export interface PlaybookContent<C> {
  readonly $schema?: string;
  readonly kind: 'playbook';
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly subject: 'account' | 'user';
  readonly trigger: { readonly segment: string; readonly on: 'enter' | 'exit' } | { readonly when: C };
  readonly steps: readonly PlaybookStep[];
}

/** What happens when a subject enters or leaves a segment, or begins to satisfy the playbook's own rule (`when`). */
export type PlaybookDocument =
  (PlaybookContent<Condition> & StrictMode) | (PlaybookContent<CompatCondition> & CompatMode);

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
