import { analysis } from './registry/analysis.js';
import { authoring } from './registry/authoring.js';
import { command } from './registry/command.js';
import { conformance } from './registry/conformance.js';
import { deliveries } from './registry/deliveries.js';
import { documents } from './registry/documents.js';
import { engine } from './registry/engine.js';
import { http } from './registry/http.js';
import { importing } from './registry/importing.js';
import { ingest } from './registry/ingest.js';
import { loading } from './registry/loading.js';
import { metrics } from './registry/metrics.js';
import { operators } from './registry/operators.js';
import { pluginCheck } from './registry/plugin-check.js';
import { publishing } from './registry/publishing.js';
import { runs } from './registry/runs.js';
import { stores } from './registry/stores.js';
import { workspaceFile } from './registry/workspace-file.js';
import { exit, type ErrorEntry, type ErrorSection, type ErrorStatus, type ExitCode } from './section.js';

/** All errors of Rapport, in the order of docs/errors.md. */
const registry = [
  workspaceFile,
  loading,
  metrics,
  operators,
  documents,
  publishing,
  ingest,
  runs,
  analysis,
  deliveries,
  http,
  importing,
  pluginCheck,
  command,
  stores,
  engine,
  conformance,
  authoring,
] as const;

type CodesOf<Section> = Section extends { readonly groups: readonly (infer Group)[] }
  ? Group extends { readonly codes: infer Codes }
    ? Codes
    : never
  : never;
/** Entries by code, one type per table. */
type Tables = CodesOf<(typeof registry)[number]>;
type KeysOf<Table> = Table extends unknown ? keyof Table & string : never;

/** The code of an error: `RAPPORT_<AREA>_<NAME>`. It never changes its meaning. */
export type ErrorCode = KeysOf<Tables>;

type SaidBy<Table, Code extends string> =
  Table extends Readonly<Record<Code, { readonly says: infer Says extends string }>> ? Says : never;
type Placeholders<Says extends string> = Says extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;
/** What the sentence of an error leaves open, by name; `never` for an error whose sentence is written where it is thrown. */
export type ValuesOf<Code extends ErrorCode> = [SaidBy<Tables, Code>] extends [never]
  ? never
  : Readonly<Record<Placeholders<SaidBy<Tables, Code>>, string | number>>;

export const sections: readonly ErrorSection<ErrorCode>[] = registry;

/** An entry with what its section says for it. */
export interface RegisteredError {
  readonly code: ErrorCode;
  readonly what: string;
  readonly todo: string;
  /** Its sentence, with `{names}` for what differs; null where it is written where it is thrown. */
  readonly says: string | null;
  /** HTTP status; null where no request ends with it. */
  readonly status: ErrorStatus | null;
  /** Exit code of a command. */
  readonly exit: ExitCode;
}

const byCode: ReadonlyMap<string, RegisteredError> = new Map(
  sections.flatMap(({ groups, exit: ofSection = 'unexpected' }) =>
    groups.flatMap(({ codes }) =>
      (Object.entries(codes) as [ErrorCode, ErrorEntry][]).map(
        ([code, { what, todo, says = null, status = null, exit: ends = ofSection }]) => [
          code,
          { code, what, todo, says, status, exit: exit[ends] },
        ],
      ),
    ),
  ),
);

/** All errors, in the order of docs/errors.md. */
export const registered: readonly RegisteredError[] = [...byCode.values()];

export const isErrorCode = (code: unknown): code is ErrorCode => typeof code === 'string' && byCode.has(code);

/** What is known of an error; null for a code that there is not. */
export const errorOf = (code: unknown): RegisteredError | null =>
  (typeof code === 'string' ? byCode.get(code) : undefined) ?? null;
