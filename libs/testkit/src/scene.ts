import type { MetricDefinition } from '@rapport/sdk';
import type { ProfileClass } from '@rapport/rules';
import type { Zone } from '@rapport/sdk/time';
import type { Level, Scope, Snapshot } from '@rapport/store';
import type { Call, Instant } from './call.js';
import type { Report } from './finding.js';

/** A metric that another one uses: its definition, or that with a configuration. */
export type UsedMetric =
  MetricDefinition | { readonly definition: MetricDefinition; readonly config: Readonly<Record<string, unknown>> };

/** What a workspace says beside the configuration of the metric itself. */
export interface Workspace {
  /** The metrics named in `uses` and `usesPortfolio`, by id. For an instance `x:scope`, `x` will do; `'x:scope'` goes first. */
  readonly metrics?: Readonly<Record<string, UsedMetric>>;
  /** As in `rapport.json`: classes by rules over `trait.<name>` and `tenure`; the first whose rule is true. */
  readonly profiles?: Readonly<Record<string, readonly ProfileClass[]>>;
  /** As in `rapport.json`: the events that an instance `x:scope` is about. */
  readonly scopes?: Readonly<Record<string, Scope>>;
}

export interface World extends Workspace {
  /** In order of arrival, which plays no part. */
  readonly calls: readonly Call[];
  readonly asOf: Instant;
  /** IANA time zone that days are cut in; default `UTC`. */
  readonly zone?: string;
  /** `users`: every user is its own account; default `groups`. */
  readonly accounts?: 'groups' | 'users';
}

/** What a metric is evaluated over: the data of a store, as of an instant, in a workspace. */
export interface Scene {
  readonly snapshot: Snapshot;
  readonly asOf: number;
  readonly zone: Zone;
  readonly workspace: Workspace;
  /** Only these accounts and users are asked for; absent: all. */
  readonly only?: { readonly accounts: readonly string[]; readonly users: readonly string[] };
  /** Takes what is found to be wrong. */
  readonly report: Report;
  /** Hears that an answer looks at the exact instant, so that it may change during a day on which nothing happens. */
  readonly onInstant?: () => void;
}
export type SubjectLevel = Exclude<Level, { kind: 'family' }>;

/** The subjects of a plan, where only some are asked for. */
export function subjectsOf({ kind }: SubjectLevel, { only }: Scene): { readonly subjects?: readonly string[] } {
  if (!only || kind === 'portfolio') return {};
  return { subjects: kind === 'account' ? only.accounts : only.users };
}

export const ownEntry = <T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  record && Object.hasOwn(record, name) ? record[name] : undefined;
