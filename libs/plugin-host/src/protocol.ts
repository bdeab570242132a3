import type { Delivery as SdkDelivery, Manifest, Outcome, SubjectKind } from '@rapport/sdk';
import type { Column, Scope, StreamedEvent } from '@rapport/store';
import type { KnownFact } from '@rapport/rules';
import type { MetricDescriptor, OperatorDescriptor } from './loaded-plugin.js';
import type { Reason } from './result-columns.js';

/* What the main thread and the plugin worker say to each other: data only, no function ever crosses. */

export interface LoadRequest {
  /** `kind/id`; `metric/id:scope` for a metric within a scope, and `#hash` behind it for another configuration than the workspace's. */
  readonly key: string;
  /** Set for a metric within a scope. */
  readonly scope?: { readonly id: string; readonly events: Scope };
  readonly name: string;
  readonly dir: string;
  /** The package's `exports` and `main`. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly manifest: Manifest;
  /** The workspace's section for this plugin; undefined when there is none. */
  readonly config: unknown;
}
export type LoadReply =
  | { readonly refused: { readonly code: string; readonly message: string } }
  | {
      readonly kind: 'metric';
      readonly definition: MetricDescriptor;
      readonly config: Readonly<Record<string, unknown>>;
      readonly secrets: readonly string[];
    }
  | { readonly kind: 'segment' | 'playbook'; readonly document: unknown }
  | { readonly kind: 'operator'; readonly definition: OperatorDescriptor }
  | {
      readonly kind: 'action';
      readonly definition: {
        readonly id: string;
        readonly title: string;
        readonly description: string;
        readonly config: object;
        readonly input: object;
      };
      readonly config: Readonly<Record<string, unknown>>;
      readonly secrets: readonly string[];
      /** Null when it is configured; else what is missing. */
      readonly unconfigured: string | null;
    };

/** Where an input of a metric comes from: a column of the frame, or the metric's own fold. */
export type InputSource = number | { readonly fold: string };

export interface ComputeRequest {
  readonly frame: number;
  /** The metric's id, and what it is known by here. */
  readonly metric: string;
  readonly key: string;
  /** The whole portfolio's results of the metrics in `usesPortfolio`. */
  readonly portfolio: Readonly<Record<string, PortfolioResult>>;
  readonly inputs: Readonly<Record<string, InputSource>>;
  readonly maxFailures: number;
  /** Keep the result for metrics that use it. */
  readonly keep: boolean;
}
export interface PortfolioResult {
  readonly value: number | null;
  /** Null when there is a value. */
  readonly reason: Reason | null;
  readonly parts: Readonly<Record<string, number>>;
}
export interface ReduceRequest extends ComputeRequest {
  /** Frame of accounts that is reduced. */
  readonly rows: number;
  /** Per account the index of its subject in the portfolio frame; null when all belong to the one subject. */
  readonly groups: Int32Array | null;
}
export interface ComputeReply {
  /** By name: the metric's id, `.n`, `.reason` and a column per part. */
  readonly columns: Readonly<Record<string, Column>>;
  readonly threw: FailureCount;
  readonly invalid: FailureCount;
  /** Subjects left out after too many failures. */
  readonly switchedOff: number;
  /** Whether `compute` looked at the instant it is evaluated as of, so that its results hold for no other of the day. */
  readonly readAsOf: boolean;
}
export interface FailureCount {
  readonly subjects: number;
  /** The first one: subject and message. */
  readonly example: string | null;
}

/** What an operator says of a fact, as a byte. */
export const JUDGED = { notYet: 0, holds: 1, holdsNot: 2, failed: 3, underWay: 4 } as const;
export interface JudgeRequest {
  /** `operator/id`. */
  readonly key: string;
  /** The condition's value. */
  readonly value: unknown;
  readonly facts: readonly KnownFact[];
  /** Gets one of `JUDGED` per fact, in order, as it is found. */
  readonly marks: SharedArrayBuffer;
}

export interface DeliverRequest {
  /** Id of the action. */
  readonly action: string;
  readonly delivery: SdkDelivery;
  readonly timeoutMs: number;
}
export type DeliverReply = { readonly outcome: Outcome } | { readonly invalid: string };

/** Request and reply of every call, by name. */
export interface Calls {
  load: [LoadRequest, LoadReply];
  unload: [{ readonly key: string }, null];
  /** Checks a playbook step's `with` against the action's schema and fills defaults in. */
  checkInput: [
    { readonly action: string; readonly input: unknown },
    { readonly input: unknown } | { readonly pointer: string; readonly message: string },
  ];
  frame: [
    {
      readonly frame: number;
      readonly kind: SubjectKind;
      readonly asOf: number;
      readonly zone: string;
      readonly subjects: readonly string[];
      readonly columns: readonly Column[];
    },
    null,
  ];
  /** Gives back a result that an earlier worker computed. */
  restore: [{ readonly frame: number; readonly columns: Readonly<Record<string, Column>> }, null];
  foldBegin: [
    {
      readonly frame: number;
      readonly metric: string;
      readonly key: string;
      readonly reducer: string;
      readonly name: string;
    },
    null,
  ];
  foldStep: [
    {
      readonly frame: number;
      readonly metric: string;
      readonly name: string;
      readonly events: readonly StreamedEvent[];
    },
    null,
  ];
  foldEnd: [{ readonly frame: number; readonly metric: string; readonly name: string }, null];
  compute: [ComputeRequest, ComputeReply];
  reduce: [ReduceRequest, ComputeReply];
  drop: [{ readonly frame: number }, null];
  /** `failure`: the first fact that an operator had no verdict on, and why; null when it had one on each. */
  judge: [JudgeRequest, { readonly failure: string | null }];
  deliver: [DeliverRequest, DeliverReply];
}
export type Call = keyof Calls;
export type ToWorker = { [C in Call]: { readonly id: number; readonly call: C; readonly request: Calls[C][0] } }[Call];
/** Asks whether the worker still answers. */
export type Ping = 'ping';
export type FromWorker =
  | { readonly type: 'ready' }
  /** `heapMb`: what the worker's own heap holds. */
  | { readonly type: 'reply'; readonly id: number; readonly reply: unknown; readonly heapMb: number }
  | { readonly type: 'threw'; readonly id: number; readonly message: string; readonly heapMb: number }
  /** Answer to a `ping`: the worker is not stuck, and holds this much, array buffers included. */
  | { readonly type: 'pong'; readonly heldMb: number }
  /** Something that a plugin started failed later, when nobody waited for it. */
  | { readonly type: 'stray'; readonly message: string };

export interface WorkerSettings {
  /** Resolve packages to their TypeScript sources. */
  readonly source: boolean;
  readonly allowPrivateAddresses: boolean;
  /** One Int32: the id of the call whose code is running just now; 0 while none is, and while a delivery waits. */
  readonly running: SharedArrayBuffer;
}
