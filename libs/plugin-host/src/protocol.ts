import type { Delivery as SdkDelivery, Manifest, Outcome, SubjectKind } from '@rapport/sdk';
import type { Column, Scope, StreamedEvent } from '@rapport/store';
import type { KnownFact } from '@rapport/rules';
import type { MetricDescriptor, OperatorDescriptor } from './loaded-plugin.js';
import type { Reason } from './result-columns.js';

/* What the main thread and the threads of plugins say to each other: data only, no function ever crosses. */

export interface LoadRequest {
  /** `kind/id`; `metric/id:scope` for a metric within a scope, and `#hash` behind it for another configuration than the workspace's. */
  readonly key: string;
  /** Set for a metric within a scope. */
  readonly scope?: { readonly id: string; readonly events: Scope };
  readonly name: string;
  readonly dir: string;
  /** The file to import; null when the package names none that exists. */
  readonly entry: string | null;
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

/** A frame by its number, with what the thread does not have of it yet. */
export interface FrameRequest {
  readonly id: number;
  /** Null when the thread has it. */
  readonly head: FrameHead | null;
  /** By their index in the frame. */
  readonly columns: readonly (readonly [number, Column])[];
  /** Results of metrics that were computed elsewhere, by column name. */
  readonly results: Readonly<Record<string, Column>>;
}
export interface FrameHead {
  readonly kind: SubjectKind;
  readonly asOf: number;
  readonly zone: string;
  readonly subjects: readonly string[];
}

export interface ComputeRequest {
  readonly frame: FrameRequest;
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
  readonly rows: FrameRequest;
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
  /** A subject that got another result when it was computed a second time: the metric keeps state between calls. */
  readonly keptState: string | null;
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
/** `late`: it did not end in time, and may go on unobserved. */
export type DeliverReply = { readonly outcome: Outcome } | { readonly invalid: string } | { readonly late: true };

/** Request and reply of every call, by name. */
export interface Calls {
  load: [LoadRequest, LoadReply];
  unload: [{ readonly key: string }, null];
  /** Checks a playbook step's `with` against the action's schema and fills defaults in. */
  checkInput: [
    { readonly action: string; readonly input: unknown },
    { readonly input: unknown } | { readonly pointer: string; readonly message: string },
  ];
  foldBegin: [
    {
      readonly frame: FrameRequest;
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
  drop: [{ readonly frames: readonly number[] }, null];
  /** `failure`: the first fact that an operator had no verdict on, and why; null when it had one on each. */
  judge: [JudgeRequest, { readonly failure: string | null }];
  deliver: [DeliverRequest, DeliverReply];
}
export type Call = keyof Calls;
export type ToThread = { [C in Call]: { readonly id: number; readonly call: C; readonly request: Calls[C][0] } }[Call];
/** Asks whether the thread still takes messages. */
export type Ping = 'ping';
export type FromThread =
  | { readonly type: 'ready' }
  /** The thread has taken the call up: from here on its time counts. */
  | { readonly type: 'begun'; readonly id: number }
  /** What the thread is at within a call, for the message should it be stopped there. */
  | { readonly type: 'at'; readonly what: string }
  /** `tookMs`: from when it was taken up; `heldMb`: what the thread holds, heap and array buffers. */
  | {
      readonly type: 'reply';
      readonly id: number;
      readonly reply: unknown;
      readonly tookMs: number;
      readonly heldMb: number;
    }
  | {
      readonly type: 'threw';
      readonly id: number;
      readonly message: string;
      readonly tookMs: number;
      readonly heldMb: number;
    }
  | { readonly type: 'pong' };

export interface ThreadSettings {
  readonly allowPrivateAddresses: boolean;
}
