import {
  valueAt,
  type Level,
  type Membership,
  type ResultFrame,
  type Run,
  type Store,
  type Transition,
} from '@rapport/store';
import { type LoadedPlugin, isDerived, type DerivedFact } from '@rapport/plugin-host';
import { levelKey } from './measurement/planner.js';

const LAST_TRANSITIONS = 50;

/** What the latest run found for one subject. Null when there is no run, or it does not know the subject. */
export async function subjectReport(
  store: Store,
  plugins: readonly LoadedPlugin[],
  kind: 'account' | 'user' | 'portfolio',
  id: string,
  framesOf: FramesOf,
  parent: string | null,
): Promise<SubjectReport | null> {
  for (;;) {
    const run = await store.latestRun();
    if (!run) return null;
    const report = await reportOf(run, store, plugins, kind, id, framesOf, parent);
    // Memberships and transitions are those of now: a run that was committed meanwhile must not be mixed with this one.
    if ((await store.latestRunNumber()) === run.number) return report;
  }
}

async function reportOf(
  run: Run,
  store: Store,
  plugins: readonly LoadedPlugin[],
  kind: 'account' | 'user' | 'portfolio',
  id: string,
  framesOf: FramesOf,
  parent: string | null,
): Promise<SubjectReport | null> {
  const held = await framesOf(run, { kind });
  const i = held?.index.get(id);
  if (!held || i === undefined) return null;
  const metrics = metricValues(held.frame, i, run, plugins);
  const families = kind === 'account' && parent !== null ? await framesOf(run, { kind: 'family', parent }) : null;
  const head = families?.index.get(id);
  const family = families && head !== undefined ? metricValues(families.frame, head, run, plugins) : null;
  if (kind === 'portfolio')
    return {
      kind,
      id,
      run: run.number,
      asOf: new Date(run.asOf).toISOString(),
      traits: {},
      traitsOfRun: true,
      metrics,
      family,
      memberships: [],
      transitions: [],
    };
  const snapshot = await store.snapshot();
  try {
    const traits = (await snapshot.traits(kind, run.asOf, id)).get(id) ?? {};
    const ofKind = <T extends { readonly kind: string }>(items: readonly T[]) =>
      items.filter((item) => item.kind === kind);
    return {
      kind,
      id,
      run: run.number,
      asOf: new Date(run.asOf).toISOString(),
      // In one order, so that the same report has the same bytes.
      traits: Object.fromEntries(Object.entries(traits).sort(([a], [b]) => (a < b ? -1 : 1))),
      traitsOfRun: snapshot.state === run.manifest.state,
      metrics,
      family,
      memberships: ofKind(await store.memberships({ subject: id })),
      transitions: ofKind(await store.transitions({ subject: id, limit: LAST_TRANSITIONS })),
    };
  } finally {
    await snapshot.close();
  }
}

interface HeldFrame {
  readonly frame: ResultFrame;
  readonly index: ReadonlyMap<string, number>;
}
export type FramesOf = (run: Run, level: Level) => Promise<HeldFrame | null>;

/** Reads results from the store and holds those of the latest run until somebody is erased, so that one account after another costs one read. */
export function frameCache(store: Store): FramesOf {
  interface Held {
    readonly run: number;
    readonly epoch: number;
    readonly frames: Map<string, Promise<HeldFrame | null>>;
  }
  let held: Held = { run: -1, epoch: -1, frames: new Map() };
  return async (run, level) => {
    const epoch = await store.epoch();
    if (held.run !== run.number || held.epoch !== epoch) held = { run: run.number, epoch, frames: new Map() };
    const key = levelKey(level);
    let frame = held.frames.get(key);
    if (!frame) {
      frame = store
        .results(run.number, level)
        .then((found) =>
          found ? { frame: found, index: new Map(found.subjects.map((subject, i) => [subject, i])) } : null,
        );
      const { frames } = held;
      frame.catch(() => frames.delete(key));
      frames.set(key, frame);
    }
    return frame;
  };
}

function metricValues(
  frame: ResultFrame,
  i: number,
  run: Run,
  plugins: readonly LoadedPlugin[],
): readonly MetricValue[] {
  const records = run.manifest.metrics;
  const names = Object.keys(frame.columns);
  return names
    .filter((name) => !name.includes('.'))
    .map((id): MetricValue => {
      const column = (name: string) => {
        const found = frame.columns[name];
        return found ? valueAt(found, i) : null;
      };
      const loaded = plugins.find((plugin) => plugin.kind === 'metric' && plugin.manifest.id === id);
      const of = Object.hasOwn(records, id) ? records[id] : undefined;
      const own = names.filter((name) => name.startsWith(`${id}.`)).map((name) => name.slice(id.length + 1));
      const valuesOf = (parts: readonly string[]) =>
        Object.fromEntries(parts.map((part) => [part, plain(column(`${id}.${part}`))]));
      return {
        metric: id,
        title: of?.title ?? id,
        version: `${id}@${of?.version ?? loaded?.version ?? '?'}`,
        configHash: of?.configHash ?? '',
        unit: of?.unit ?? '',
        value: column(id) as number | null,
        reason: column(`${id}.reason`) as string | null,
        n: column(`${id}.n`) as number | null,
        parts: valuesOf(own.filter((part) => part !== 'n' && part !== 'reason' && !isDerived(part))),
        derived: valuesOf(own.filter(isDerived)),
        asOf: new Date(run.asOf).toISOString(),
      };
    });
}

/** A table as an object; anything else as it is. */
const plain = (value: unknown): unknown =>
  value instanceof Map ? Object.fromEntries(value as ReadonlyMap<string, number>) : value;

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
  /** By name, in code-unit order. */
  readonly traits: Readonly<Record<string, unknown>>;
  /** False when data has come since the run: traits are as of its instant, but may not be those that the run saw. */
  readonly traitsOfRun: boolean;
  readonly metrics: readonly MetricValue[];
  /** For an account with children, where the workspace has a `hierarchy`: its values together with all its descendants. Otherwise null. */
  readonly family: readonly MetricValue[] | null;
  readonly memberships: readonly Membership[];
  readonly transitions: readonly Transition[];
}
