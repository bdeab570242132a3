import type { MetricDefinition } from '@rapport/sdk';
import type { ProfileClass } from '@rapport/rules';
import type { Scope, Snapshot, Zone } from '@rapport/store';
import type { Call, Instant } from './call.js';

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
}

export const ownEntry = <T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  record && Object.hasOwn(record, name) ? record[name] : undefined;
