import type { ProfileClass } from '@rapport/rules';
import type { DocumentFile } from './rules/document-file.js';
import type { Rules } from './rules/rules.js';
import type { Goal } from './analysis/goal.js';
import type { DerivedFact } from './derived.js';
import type {
  ActionDefinition,
  Evidence,
  Manifest,
  Measures,
  MetricDefinition,
  OperatorExample,
  OperatorReading,
  PlaybookDocument,
  SegmentDocument,
  Window,
} from '@rapport/sdk';
import type {
  Delivery,
  Level,
  Membership,
  ResultFrame,
  Run,
  Scope,
  Store,
  StoreStats,
  Transition,
} from '@rapport/store';

/** `rapport.json`, validated. `{ "$env": "NAME" }` may stand wherever a text may, and is replaced by that environment variable. */
export interface WorkspaceConfig {
  readonly $schema?: string;
  readonly workspace: string;
  /** IANA time zone; default `UTC`. */
  readonly timeZone?: string;
  /** `duckdb:<path relative to rapport.json>` (default `duckdb:rapport.duckdb`) or a `mongodb://…` URI with a database name. */
  readonly store?: string;
  readonly accounts?: 'groups' | 'users';
  /** Per plugin id: `false` leaves it out; an object configures it. `<metric>:<scope>` configures the metric within a scope. */
  readonly metrics?: Readonly<Record<string, PluginSetting>>;
  readonly segments?: Readonly<Record<string, false | { readonly enabled?: boolean }>>;
  /** A playbook is off until enabled here: its transitions are recorded, nothing is sent. */
  readonly playbooks?: Readonly<Record<string, false | { readonly enabled?: boolean }>>;
  readonly actions?: Readonly<Record<string, PluginSetting>>;
  /** `false` leaves an operator out. */
  readonly operators?: Readonly<Record<string, false>>;
  /** Classes of accounts and users (lifecycle stages, personas), by name: the first whose rule is true. Metrics choose weights and targets by them. */
  readonly profiles?: Readonly<Record<string, readonly ProfileClass[]>>;
  /** Trait with the instant of signing up, from which the fact `tenure` of profiles counts; default `signupAt`. */
  readonly signupTrait?: string;
  /** Parts of the product, by name: the metric `<metric>:<scope>` sees their events only. */
  readonly scopes?: Readonly<Record<string, Scope>>;
  /** Accounts that belong to accounts: the trait that holds the parent's id. Parents are then evaluated with their descendants too. */
  readonly hierarchy?: { readonly parent: string };
  /** For which metrics `previous`, `change`, `changeRate` and `slope` are computed in every run; default: those that rules ask for. */
  readonly trends?: {
    readonly metrics?: 'all' | readonly string[];
    /** Days that `slope` looks at; default 30. */
    readonly slopeDays?: number;
  };
  readonly rules?: {
    /** Share of all subjects that a publish may move without a second person's approval, 0–1; default 0.2. */
    readonly approvalShare?: number;
  };
  /** Where metrics should be, and by when. */
  readonly goals?: readonly Goal[];
  readonly limits?: {
    /** Wall clock that one metric may take for all subjects of a run, ms; default 10000. */
    readonly metricMs?: number;
    /** Wall clock for loading all plugin code, ms; default 10000 per plugin. */
    readonly loadMs?: number;
    /** Heap of the plugin worker, MiB; default 1024. */
    readonly memoryMb?: number;
    /** Time an action has for one delivery, ms; default 10000. */
    readonly deliveryMs?: number;
    /** Consecutive failed subjects after which a metric is switched off for the run; default 100. */
    readonly metricFailures?: number;
    /** Wall clock that one operator of a plugin may take for 50,000 facts, ms; default 5000. */
    readonly operatorMs?: number;
    /** Largest event in bytes of JSON; default 32768. */
    readonly eventBytes?: number;
  };
  readonly network?: {
    /** Let actions call loopback, private and link-local addresses. Default false. */
    readonly allowPrivateAddresses?: boolean;
  };
  readonly http?: { readonly host?: string; readonly port?: number; readonly apiKey?: string };
}
export type PluginSetting = false | Readonly<Record<string, unknown>>;

export interface Clock {
  /** Epoch ms. */
  now(): number;
}

/** A plugin that passed every check, as data: its code stays in the plugin worker. */
export type LoadedPlugin = {
  readonly name: string;
  readonly version: string;
  readonly dir: string;
  readonly manifest: Manifest;
  /** Validated configuration with defaults; secrets replaced by "•••". */
  readonly config: Readonly<Record<string, unknown>>;
  readonly configHash: string;
} & (
  | { readonly kind: 'metric'; readonly definition: MetricDescriptor }
  | { readonly kind: 'segment'; readonly document: SegmentDocument }
  | { readonly kind: 'playbook'; readonly document: PlaybookDocument; readonly enabled: boolean }
  | {
      readonly kind: 'action';
      readonly definition: Pick<ActionDefinition, 'id' | 'title' | 'description' | 'config' | 'input'>;
      readonly configured: boolean;
    }
  | { readonly kind: 'operator'; readonly definition: OperatorDescriptor }
);
export type LoadedDocument = Extract<LoadedPlugin, { readonly kind: 'segment' | 'playbook' }>;
/** The segments and playbooks among plugins, in their order. */
export const documentsAmong = (plugins: readonly LoadedPlugin[]): readonly LoadedDocument[] =>
  plugins.filter((plugin): plugin is LoadedDocument => plugin.kind === 'segment' || plugin.kind === 'playbook');
/** A metric's definition without its functions; `measures` and `uses` already resolved for its configuration. */
export type MetricDescriptor = Pick<
  MetricDefinition,
  'id' | 'title' | 'description' | 'source' | 'unit' | 'range' | 'subjects' | 'config' | 'parts'
> & {
  /** What the plugin worker knows this metric with this configuration by. */
  readonly key: string;
  readonly measures: Measures;
  readonly uses: readonly string[];
  readonly usesPortfolio: readonly string[];
  readonly window: Window | null;
  readonly evidence: Evidence | null;
  /** Name of the part whose entries add up to the value. */
  readonly contributions: string | null;
  readonly family: 'measure' | 'reduce';
  readonly reducesPortfolio: boolean;
};

/** An operator's definition without its test. */
export interface OperatorDescriptor {
  readonly id: string;
  /** What documents call it. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly source: string | null;
  readonly reading: OperatorReading;
  /** JSON Schema of a condition's value; false where there is none. */
  readonly value: Readonly<Record<string, unknown>> | false;
  readonly words: readonly [holds: string, holdsNot: string];
  readonly examples: readonly OperatorExample[];
}

/** Why a plugin was not loaded. Codes: `RAPPORT_PLUGIN_*` (see docs/errors.md). */
export interface RefusedPlugin {
  readonly name: string;
  readonly code: string;
  /** A sentence that names the place and the way out. */
  readonly message: string;
}

/** A call that was not accepted. The rest of its batch was. */
export interface Refusal {
  /** Index in the batch. */
  readonly index: number;
  readonly messageId: string | null;
  /** `RAPPORT_INGEST_*`. */
  readonly code: string;
  /** JSON Pointer into the call. */
  readonly pointer: string;
  readonly message: string;
}
export interface IngestReport {
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: readonly Refusal[];
}

export interface EvaluateOptions {
  /** Instant, epoch ms; default now. */
  readonly asOf?: number;
  /** Default: account and portfolio, and user if a loaded segment or playbook is about users. */
  readonly levels?: readonly Level[];
  /** Only these metrics and what they use; default all. */
  readonly metrics?: readonly string[];
  /** Only these accounts or users, at the levels `account` and `user`; default all. What a metric reads of the portfolio is of all accounts. */
  readonly subjects?: readonly string[];
  /** Metrics with another configuration than the workspace's, by id; for asking "what if", and for explaining a change. Only `evaluate` takes it. */
  readonly configs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Profiles in place of the workspace's. Only `evaluate` takes it. */
  readonly profiles?: WorkspaceConfig['profiles'];
  /** Metrics for which `previous`, `change`, `changeRate` and `slope` are computed; default: those that rules ask for, and `trends.metrics`. */
  readonly derived?: 'all' | readonly string[];
  /** Compute everything anew, although the evaluation before may serve for what has not changed. The result is the same. */
  readonly full?: boolean;
  readonly onProgress?: (progress: { readonly phase: string; readonly done: number; readonly total: number }) => void;
}
export interface MetricFailure {
  readonly metric: string;
  /** `RAPPORT_METRIC_THREW | _TIMEOUT | _MEMORY | _INVALID_VALUE | _SWITCHED_OFF`. */
  readonly code: string;
  readonly message: string;
  /** Subjects that got null for it. */
  readonly subjects: number;
}
/** The outcome of computing all metrics, before anything is written. */
export interface Evaluation {
  readonly asOf: number;
  readonly frames: readonly ResultFrame[];
  readonly failures: readonly MetricFailure[];
  readonly timings: { readonly measureMs: number; readonly computeMs: number };
  /** What was not as it should be, and how it was gone about: `RAPPORT_HIERARCHY_CYCLE`. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  /** Per metric: id, version, config, configHash, unit, windows. */
  readonly provenance: unknown;
}
export interface RunReport {
  readonly run: Run;
  readonly evaluation: Evaluation;
  readonly transitions: readonly Transition[];
  readonly deliveries: number;
  readonly segmentErrors: readonly { readonly segment: string; readonly message: string }[];
}

/** A metric's value for one subject, with everything needed to recompute it by hand. */
export interface MetricValue {
  readonly metric: string;
  readonly title: string;
  /** `id@version`. */
  readonly version: string;
  readonly configHash: string;
  readonly unit: string;
  readonly value: number | null;
  readonly reason: string | null;
  readonly n: number | null;
  readonly parts: Readonly<Record<string, unknown>>;
  /** `previous`, `change`, `changeRate` and `slope`, where they were computed. */
  readonly derived: Readonly<Partial<Record<DerivedFact, number | null>>>;
  readonly asOf: string;
}
export interface SubjectReport {
  readonly kind: 'account' | 'user' | 'portfolio';
  readonly id: string;
  readonly run: number;
  readonly asOf: string;
  readonly traits: Readonly<Record<string, unknown>>;
  readonly metrics: readonly MetricValue[];
  /** For an account with children, where the workspace has a `hierarchy`: its values together with all its descendants. Otherwise null. */
  readonly family: readonly MetricValue[] | null;
  readonly memberships: readonly Membership[];
  readonly transitions: readonly Transition[];
}

export interface DeliverReport {
  readonly delivered: number;
  readonly retried: number;
  readonly parked: number;
}

export interface Engine {
  readonly config: WorkspaceConfig;
  readonly store: Store;
  readonly plugins: readonly LoadedPlugin[];
  readonly refused: readonly RefusedPlugin[];
  /** Validates calls in the Segment spec's shapes and appends what is good; never throws for bad calls. */
  ingest(calls: readonly unknown[], options?: { readonly receivedAt?: number }): Promise<IngestReport>;
  /** Computes; writes nothing. */
  evaluate(options?: EvaluateOptions): Promise<Evaluation>;
  /** Computes, moves segments, queues deliveries, commits all of it at once. */
  run(options?: EvaluateOptions): Promise<RunReport>;
  /** Sends what is due in the outbox, until nothing more is due now. */
  deliver(): Promise<DeliverReport>;
  /** Results of the latest run. Null when there is no run, or the run does not know the subject. */
  subject(kind: 'account' | 'user' | 'portfolio', id: string): Promise<SubjectReport | null>;
  /** Documents before they are in force: checked, tried on today's data and on the past, explained. */
  readonly rules: Rules;
  stats(): Promise<StoreStats>;
  deliveries(query: { readonly state?: Delivery['state']; readonly limit: number }): Promise<readonly Delivery[]>;
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly config: WorkspaceConfig;
  readonly store: Store;
  /** Folders in whose `node_modules` plugins are looked for. First come, first served by package name. */
  readonly pluginRoots: readonly string[];
  /** Extra plugin package folders (for tests and for a plugin under development). */
  readonly pluginDirs?: readonly string[];
  /** Segments and playbooks that are files of the workspace rather than packages. */
  readonly documents?: readonly DocumentFile[];
  readonly clock?: Clock;
}
/** Throws `RAPPORT_CONFIG_*` for a bad configuration (which section, which key, did you mean). A bad plugin never throws: see `refused`. */
export type CreateEngine = (options: EngineOptions) => Promise<Engine>;
