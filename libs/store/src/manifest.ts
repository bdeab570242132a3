import type { Condition, Measures, PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import type { Scope } from './scope.js';

/** Format of the records that are written now. */
export const MANIFEST_FORMAT = 1;

/**
 * The record of a run: everything that decided its results and memberships, as plain JSON. Stores keep it with the run. Its large entries stay the same
 * from run to run while nothing changes, so that stores can keep them once.
 */
export interface RunManifest {
  readonly format: typeof MANIFEST_FORMAT;
  /** State of the data that the run saw (`Snapshot.state`); null in records of earlier versions. */
  readonly state: string | null;
  /** Erasure epoch of that data. */
  readonly epoch: number;
  /** IANA time zone that days are cut in. */
  readonly zone: string;
  /** The epoch day of the run's instant, and whether its values stand for the whole day: the instant is the day's end, and the run began after it. */
  readonly day: { readonly number: number; readonly complete: boolean };
  /** Names of the levels evaluated. */
  readonly levels: readonly string[];
  /** Versions of Rapport's own packages. */
  readonly software: Readonly<Record<string, string>>;
  readonly settings: ManifestSettings;
  /** By id. */
  readonly metrics: Readonly<Record<string, MetricRecord>>;
  /** Operators of plugins that documents use, by id. */
  readonly operators: Readonly<Record<string, OperatorRecord>>;
  /** By `segment/<id>` and `playbook/<id>`. */
  readonly documents: Readonly<Record<string, DocumentRecord>>;
  /** What definitions read, by name (`metric/<id>`, `config/<id>`, `profile/<name>` and so on): a version or hash of each. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What decides each membership, by segment id or `playbook.<id>`. */
  readonly definitions: Readonly<Record<string, Definition>>;
  /** Definitions that differ from those of the run before, by the same keys. */
  readonly changes: Readonly<Record<string, DefinitionChange>>;
  readonly failures: readonly FailureRecord[];
  readonly segmentErrors: readonly { readonly segment: string; readonly message: string }[];
}

/** What `rapport.json` says that decides memberships, beside the options of metrics. */
export interface ManifestSettings {
  readonly accounts: 'groups' | 'users';
  readonly profiles: Readonly<
    Record<string, readonly { readonly id: string; readonly title?: string; readonly when: Condition }[]>
  >;
  readonly scopes: Readonly<Record<string, Scope>>;
  readonly hierarchy: { readonly parent: string } | null;
  readonly signupTrait: string;
  readonly slopeDays: number;
}
export interface MetricRecord {
  readonly title: string;
  readonly unit: string;
  readonly version: string;
  readonly package: string;
  /** With defaults; secrets are replaced. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly configHash: string;
  /** What its values come from: values of different origins are not comparable. */
  readonly origin: string;
  /** Ids of the metrics whose results it reads. */
  readonly uses: readonly string[];
  readonly measures: Measures;
}
export interface OperatorRecord {
  readonly version: string;
  readonly package: string;
  readonly definitionHash: string;
}
export interface DocumentRecord {
  readonly version: string;
  /** Hash of its content. */
  readonly hash: string;
  /** Null in records of earlier versions. */
  readonly document: SegmentDocument | PlaybookDocument | null;
  /** Whether a playbook sends anything. */
  readonly enabled?: boolean;
}
export interface Definition {
  /** Hash over the inputs that it reads. */
  readonly fingerprint: string;
  /** Names of these inputs, in code-unit order. */
  readonly reads: readonly string[];
}
/** What of ours, not of the customers', changed: `new` (not evaluated by the run before), a document, the configuration, a profile, a plugin's code, an operator, Rapport itself; `retired` for what is gone. */
export type BaselineReason =
  'new' | 'document' | 'configuration' | 'profile' | 'plugin' | 'operator' | 'software' | 'retired';
export interface DefinitionChange {
  readonly reason: BaselineReason;
  /** A sentence that names what changed. */
  readonly text: string;
  /** Whether the former definition was evaluated on the same data, so that what the data changed could be told apart. */
  readonly compared: boolean;
}
/** A metric that failed for some subjects, which have no value for it. */
export interface FailureRecord {
  readonly metric: string;
  readonly code: string;
  readonly message: string;
  readonly subjects: number;
}

type Loose = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown, fallback = ''): string => (typeof value === 'string' ? value : fallback);
const objectOf = (value: unknown): Loose => (isObject(value) ? value : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const mapped = <T>(value: unknown, one: (item: Loose) => T): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(objectOf(value)).map(([key, item]) => [key, one(objectOf(item))]));

/**
 * Reads a run's record as a store kept it. Records of earlier versions ("provenance", without a format) have no definitions, no data state and no documents'
 * content; what they do not say is null or empty. Never throws: a run with a damaged record is still a run.
 */
export function readManifest(stored: unknown): RunManifest {
  const record = objectOf(stored);
  if (record['format'] === MANIFEST_FORMAT) return record as unknown as RunManifest;
  const documents = (kind: 'segment' | 'playbook') =>
    Object.entries(objectOf(record[`${kind}s`])).map(([id, item]): [string, DocumentRecord] => {
      const { version, documentHash, enabled } = objectOf(item);
      const about = { version: textOf(version), hash: textOf(documentHash), document: null };
      return [`${kind}/${id}`, typeof enabled === 'boolean' ? { ...about, enabled } : about];
    });
  return {
    format: MANIFEST_FORMAT,
    state: null,
    epoch: 0,
    zone: textOf(record['zone'], 'UTC'),
    day: { number: 0, complete: false },
    levels: listOf(record['levels']).map((level) => textOf(level)),
    software: {},
    settings: {
      accounts: 'groups',
      profiles: objectOf(record['profiles']) as ManifestSettings['profiles'],
      scopes: {},
      hierarchy: null,
      signupTrait: 'signupAt',
      slopeDays: 30,
    },
    metrics: mapped(record['metrics'], (item): MetricRecord => ({
      title: textOf(item['title']),
      unit: textOf(item['unit']),
      version: textOf(item['version'], '?'),
      package: textOf(item['package']),
      config: objectOf(item['config']),
      configHash: textOf(item['configHash']),
      origin: '',
      uses: listOf(item['uses']).map((id) => textOf(id)),
      measures: objectOf(item['measures']) as Measures,
    })),
    operators: mapped(record['operators'], (item): OperatorRecord => ({
      version: textOf(item['version']),
      package: textOf(item['package']),
      definitionHash: textOf(item['definitionHash']),
    })),
    documents: Object.fromEntries([...documents('segment'), ...documents('playbook')]),
    inputs: {},
    definitions: {},
    changes: {},
    failures: listOf(record['failures']).map((item): FailureRecord => {
      const { metric, code, message, subjects } = objectOf(item);
      return {
        metric: textOf(metric),
        code: textOf(code),
        message: textOf(message),
        subjects: typeof subjects === 'number' ? subjects : 0,
      };
    }),
    segmentErrors: listOf(record['segmentErrors']).map((item) => ({
      segment: textOf(objectOf(item)['segment']),
      message: textOf(objectOf(item)['message']),
    })),
  };
}
