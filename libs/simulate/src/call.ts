import type { Cause } from './vocabulary.js';

type Value = string | number | boolean | null;

/** One call in the Segment spec's shape. */
export interface Call {
  readonly type: 'track' | 'identify' | 'group' | 'page';
  readonly messageId: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly userId?: string;
  readonly groupId?: string;
  readonly event?: string;
  readonly name?: string;
  readonly properties?: Readonly<Record<string, Value>>;
  readonly traits?: Readonly<Record<string, Value>>;
  readonly context?: { readonly groupId?: string; readonly sessionId?: string };
}

export const PHASES = ['trial', 'customer', 'leaving', 'churned', 'lapsed'] as const;
/** `lapsed` is a trial that did not convert; `leaving` has cancelled but still runs. */
export type Phase = (typeof PHASES)[number];

/** What the simulation knows and the event stream does not say. */
export type Truth =
  | {
      readonly kind: 'health';
      readonly account: string;
      /** `YYYY-MM`; the state at the end of that month (or of the simulation). */
      readonly month: string;
      readonly phase: Phase;
      /** 0–1, hidden; drives activity, survey scores and churn. */
      readonly health: number;
      /** 0–1: how well the product suits the account. */
      readonly fit: number;
      /** 0–1: breadth of features in use. */
      readonly adoption: number;
      /** ≥ 0: weight of recent support trouble. */
      readonly trouble: number;
      readonly users: number;
    }
  | {
      readonly kind: 'churn';
      readonly account: string;
      /** When it was decided, ISO 8601. */
      readonly at: string;
      readonly effectiveAt: string;
      readonly cause: Cause;
      /** What the customer said; not always the cause. */
      readonly reason: string;
      readonly health: number;
    };
