import type { Frame, Column, NumberColumn } from './column.js';
import type { Json, Message, Properties } from './message.js';
import type { Filter } from '@rapport/sdk';
import type { BaselineReason, RunManifest } from './manifest.js';
import type { Level, Plan, ResolvedWindow, StreamQuery } from './plan.js';

/** Ordering everywhere: by time, then by message id in code-unit order. */
export interface EventStore {
  /** Durable when it resolves. Messages already known (ever) and repeats within the batch are dropped whole and counted as duplicates. */
  append(batch: readonly Message[]): Promise<{ readonly accepted: number; readonly duplicates: number }>;
  /** A reader whose answers do not change while events are appended. Close it. */
  snapshot(): Promise<Snapshot>;
  /**
   * Forgets a subject: its events (an account's: also those that belong to it by a membership), traits, memberships, results, history, segment memberships,
   * transitions, deliveries. Its message ids stay known, so that a repeat does not bring it back. Raises the erasure epoch: what was worked out
   * of an earlier snapshot can no longer be written. Erasing a subject that is not there raises it too.
   */
  erase(subject: Subject): Promise<Erased>;
  /** The erasure epoch: grows with every erasure. Whoever keeps answers of this store drops them when it has grown. */
  epoch(): Promise<number>;
  stats(): Promise<StoreStats>;
}
export interface Subject {
  readonly kind: 'account' | 'user';
  readonly id: string;
}
/** How much an erasure took, by kind. */
export interface Erased {
  readonly events: number;
  /** Messages that set its traits. */
  readonly traits: number;
  /** Messages that said that a user belongs to an account. */
  readonly members: number;
  /** Rows of results: one per run and level that knew it. */
  readonly results: number;
  /** Days of history, per level. */
  readonly history: number;
  /** Segments that it was in. */
  readonly memberships: number;
  readonly transitions: number;
  readonly deliveries: number;
}
export interface StoreStats {
  readonly events: number;
  readonly accounts: number;
  readonly users: number;
  /** Earliest and latest event, epoch ms; null without events. */
  readonly from: number | null;
  readonly to: number | null;
}
export interface Snapshot {
  /** One frame per plan, its columns aligned with the plan's measures. Plans of one call share scans. */
  measure(plans: readonly Plan[]): Promise<readonly Frame[]>;
  /** Batches of events for a fold, each with those of the named properties that it has, subjects contiguous and in the order of the frame's subjects. */
  stream(query: StreamQuery): AsyncIterable<readonly StreamedEvent[]>;
  /** Traits of subjects as of an instant: for display and for rules over traits. Subjects without a trait are absent. */
  traits(of: 'account' | 'user', asOf: number, subject?: string): Promise<ReadonlyMap<string, Properties>>;
  /** Names of all traits ever set (to anything but null) on accounts or users, in code-unit order. */
  traitNames(of: 'account' | 'user'): Promise<readonly string[]>;
  /**
   * Latest events of one subject (`portfolio`: all events; `subject` is then '') before `asOf`, newest first (ties: greatest message id first). `account` is
   * the one worked out for the event. With `only`: those that match the filter, in a window of fixed days, and carry one of the properties (not null; of none: nothing).
   */
  recent(
    of: 'account' | 'user' | 'portfolio',
    subject: string,
    asOf: number,
    limit: number,
    only?: {
      readonly filter: Filter;
      readonly window: ResolvedWindow & { readonly kind: 'days' };
      readonly properties: readonly string[];
    },
  ): Promise<readonly RecentEvent[]>;
  /**
   * What was accepted about one subject, as messages: its memberships, its traits, its events (with the account that each belongs to), in this order, each by
   * time and message id. A message with two parts comes as two.
   */
  messagesOf(subject: Subject): AsyncIterable<readonly Message[]>;
  /** Names the state of the data that this snapshot shows, for `changes` of a later one; also after the store was opened anew. */
  readonly state: string;
  /** The erasure epoch of the data that this snapshot shows. */
  readonly epoch: number;
  /**
   * The subjects whose answers may differ between an earlier snapshot (its `state`) as of `since.asOf` and this one as of `asOf ≥ since.asOf`, where
   * both instants belong to the same day D (`dayOf(asOf − 1)`): those that a message accepted since then is about, directly or through a membership
   * that it changes; those with an event, trait or membership at an instant in [since.asOf, asOf); and those with an event whose time in one of the `effectiveAt` properties
   * lies there. May name too many, never too few. Portfolios and
   * families are the caller's to think of. Where it is known that only events came, or took place, `events` says which: what looks at no such
   * event (`looksAt`) answers as before for every subject that there was. Null when it cannot be told: a state of another store or a later one, something erased since, two days. Of kinds that are not asked for, none need be named.
   */
  changes(
    since: { readonly state: string; readonly asOf: number },
    asOf: number,
    effectiveAt: readonly string[],
    kinds?: readonly ('account' | 'user')[],
  ): Promise<Changes | null>;
  close(): Promise<void>;
}
export interface Changes {
  readonly accounts: readonly string[];
  readonly users: readonly string[];
  readonly events?: ChangedEvents;
}
/** Names of events, and the earliest of their days (Infinity without any). */
export interface ChangedEvents {
  readonly names: readonly string[];
  readonly from: number;
}
export interface StreamedEvent {
  readonly subject: string;
  readonly time: number;
  readonly event: string;
  readonly user: string | null;
  readonly properties: Properties;
}
export interface RecentEvent {
  readonly id: string;
  readonly time: number;
  readonly event: string;
  readonly user: string | null;
  readonly account: string | null;
  readonly properties: Properties;
}

/** Results of one level: columns by name (`<metric>`, `<metric>.n`, `<metric>.reason`, `<metric>.<part>`). */
export interface ResultFrame {
  readonly level: Level;
  readonly subjects: readonly string[];
  readonly columns: Readonly<Record<string, Column>>;
}
export interface Run {
  /** Grows by one per committed run. */
  readonly number: number;
  /** Epoch ms. */
  readonly asOf: number;
  readonly startedAt: number;
  readonly committedAt: number;
  /** Everything that decided its results. */
  readonly manifest: RunManifest;
}
export interface Membership {
  /** `<segment>` or `<segment>.<band>`, or `playbook.<id>` for a playbook's own rule. */
  readonly segment: string;
  readonly subject: string;
  readonly kind: 'account' | 'user';
  readonly enteredAt: number;
  /** Why, in words, and the facts it rested on. */
  readonly reason: string;
}
export interface Transition {
  readonly segment: string;
  readonly subject: string;
  readonly kind: 'account' | 'user';
  readonly change: 'enter' | 'exit';
  /** The run's asOf, epoch ms. */
  readonly at: number;
  readonly run: number;
  readonly reason: string;
  readonly facts: Properties;
  /** True when something of ours made the change, not the customer: members are taken as found and no playbook fires. */
  readonly baseline: boolean;
  /** What of ours did, and in a sentence; null unless it is a baseline. Baselines of earlier versions say neither. */
  readonly baselineReason: BaselineReason | null;
  readonly baselineText: string | null;
}
export interface NewDelivery {
  /** Idempotency key: playbook, version, subject, entry, step. A key that exists is not added again. */
  readonly key: string;
  readonly action: string;
  /** What the action's `deliver` receives, without key and attempt. JSON. */
  readonly payload: unknown;
  readonly subject: { readonly kind: 'account' | 'user'; readonly id: string };
  readonly dueAt: number;
}
export interface Delivery extends NewDelivery {
  readonly state: 'pending' | 'delivered' | 'parked';
  /** Attempts begun so far. */
  readonly attempts: number;
  readonly lastError: string | null;
  readonly deliveredAt: number | null;
}

export interface RunCommit {
  readonly asOf: number;
  /** The epoch of the snapshot that the run rests on. */
  readonly epoch: number;
  readonly manifest: RunManifest;
  readonly frames: readonly ResultFrame[];
  readonly transitions: readonly Omit<Transition, 'run'>[];
  readonly deliveries: readonly NewDelivery[];
}

export interface ResultStore {
  /** Takes the workspace's run lease. Throws `RAPPORT_STORE_RUN_BUSY` while another holder's lease lives; a lease that has run out is taken over and what its run left is removed. */
  begin(holder: string, now: number, leaseMs: number): Promise<RunLease>;
  latestRun(): Promise<Run | null>;
  /** Its number, without reading its record; null when there is none. */
  latestRunNumber(): Promise<number | null>;
  runs(limit: number): Promise<readonly Run[]>;
  /** Results of a committed run. Null when that run has no such level. `columns` limits what is read (absent: all). */
  results(run: number, level: Level, columns?: readonly string[]): Promise<ResultFrame | null>;
  /** Current members: of a segment, of a subject, or all. Ordered by segment, subject. */
  memberships(query?: { readonly segment?: string; readonly subject?: string }): Promise<readonly Membership[]>;
  /** Newest first. */
  transitions(query: {
    readonly segment?: string;
    readonly subject?: string;
    readonly limit: number;
  }): Promise<readonly Transition[]>;
}
/** Values of metrics at the end of one day (or as of an instant in it), for trends. */
export interface HistoryDay {
  readonly level: Level;
  /** Epoch day. */
  readonly day: number;
  /** The instant evaluated as of, epoch ms. */
  readonly asOf: number;
  /** In code-unit order. */
  readonly subjects: readonly string[];
  /** By metric id. */
  readonly metrics: Readonly<Record<string, HistoryMetric>>;
}
export interface HistoryMetric {
  /** Metric version and configuration that gave the values: values of different origins are not comparable. */
  readonly origin: string;
  readonly values: NumberColumn;
}
export interface HistoryStore {
  /**
   * Durable when it resolves. Replaces, metric by metric, what the history holds of that level and day; other metrics of the day stay.
   * Throws `RAPPORT_STORE_ERASED` when something was erased since `epoch`, that of the snapshot that the values rest on.
   */
  putHistory(days: readonly HistoryDay[], epoch: number): Promise<void>;
  /**
   * Days `from … to` (inclusive) of one level, ascending, each with those of the metrics that it has; days without any are absent. With `subject`:
   * of that one alone (days that do not know it are absent). One day has one frame per set of subjects; metrics that were put at different times may come in two.
   */
  history(query: {
    readonly level: Level;
    readonly metrics: readonly string[];
    readonly from: number;
    readonly to: number;
    readonly subject?: string;
  }): Promise<readonly HistoryDay[]>;
  /** What the history has for a level, without the values: per day the origin of each metric. For backfills that go on where they ended. */
  historyOrigins(query: {
    readonly level: Level;
    readonly from: number;
    readonly to: number;
  }): Promise<ReadonlyMap<number, Readonly<Record<string, string>>>>;
}
/** One version of a segment or playbook that was published from the workspace, or proposed to be. Never changed and never removed. Its text is well-formed Unicode. */
export interface DocumentVersion {
  /** `segment/<id>` or `playbook/<id>`. */
  readonly key: string;
  /** Grows by one per key, from 1. */
  readonly number: number;
  /** The document as JSON; null retires it. */
  readonly document: Json;
  /** What its content is known by. */
  readonly version: string;
  /** `proposed` until somebody else approves of it, which is a version of its own. */
  readonly status: 'published' | 'proposed';
  readonly author: string;
  readonly reason: string;
  /** Epoch ms. */
  readonly at: number;
  /** Number of the proposed version that this one approves of, or of the one that it goes back to; null for neither. */
  readonly of: number | null;
}
export interface DocumentStore {
  /**
   * Adds the version after `after`, the number of the latest that its author has seen (0 for none). Durable when it resolves.
   * Throws `RAPPORT_STORE_DOCUMENT_CONFLICT` when another came between: nothing is overwritten.
   */
  putDocument(version: Omit<DocumentVersion, 'number'>, after: number): Promise<DocumentVersion>;
  /** Versions of one document, or of all, by key (code units) and number, ascending. */
  documents(key?: string): Promise<readonly DocumentVersion[]>;
}
export interface RunLease {
  extend(now: number): Promise<void>;
  /**
   * Everything becomes visible at once, or nothing. Memberships follow from the transitions. Releases the lease. Throws `RAPPORT_STORE_LEASE_LOST`, and
   * `RAPPORT_STORE_ERASED` when something was erased since the epoch of the commit: the run may hold what must not come back.
   */
  commit(commit: RunCommit, now: number): Promise<Run>;
  /** Gives the lease back without a trace. */
  abandon(): Promise<void>;
}

export interface DeliveryStore {
  /** Takes up to `limit` pending deliveries that are due and not leased, of any action but those in `except`, oldest due first, and leases them; counts an attempt. */
  claim(now: number, limit: number, leaseMs: number, except?: readonly string[]): Promise<readonly Delivery[]>;
  delivered(key: string, now: number): Promise<void>;
  /** Back to pending, due at `dueAt`; or parked when `dueAt` is null. */
  failed(key: string, error: string, dueAt: number | null): Promise<void>;
  /** A parked delivery is pending again, due now, its attempts back to 0. False when there is no such parked delivery. */
  replay(key: string, now: number): Promise<boolean>;
  list(query: {
    readonly state?: Delivery['state'];
    readonly subject?: Subject;
    readonly limit: number;
  }): Promise<readonly Delivery[]>;
}

export interface RetentionStore {
  /**
   * Removes runs with their results and transitions, and deliveries that are over and were due before an instant. Kept are the latest run, transitions that
   * current memberships rest on, and pending deliveries. With `dryRun` nothing is removed.
   */
  prune(
    what: {
      /** Chooses the numbers of the runs that go from all that there are. */
      readonly runs: (committed: readonly Omit<Run, 'manifest'>[]) => readonly number[];
      readonly deliveriesBefore: number;
    },
    dryRun?: boolean,
  ): Promise<Pruned>;
}
/** How much went, by kind. */
export interface Pruned {
  readonly runs: number;
  readonly transitions: number;
  readonly deliveries: number;
  /** Of results that no other run has too. */
  readonly bytes: number;
}

/** One workspace's data. */
export interface Store extends EventStore, ResultStore, HistoryStore, DocumentStore, DeliveryStore, RetentionStore {
  /** For messages: `duckdb:/path` or `mongodb://host/db`, without credentials. */
  readonly location: string;
  readonly zone: string;
  /** Makes the named properties fast to measure. Optional hint; answers do not depend on it. */
  declare(properties: readonly string[]): Promise<void>;
  close(): Promise<void>;
}
export interface StoreOptions {
  /** IANA time zone that days are cut in. Fixed at creation: opening with another throws `RAPPORT_STORE_ZONE_CHANGED`. */
  readonly zone: string;
  /**
   * `groups` (default): accounts come from `groupId`. `users`: every user is its own account: an event belongs to its user
   * whatever `account` says, the accounts are the users and their traits the users' traits; traits of accounts are not looked at, and a membership only names its user.
   */
  readonly accounts?: 'groups' | 'users';
}
