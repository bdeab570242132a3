import type { Level, RunManifest, Snapshot } from '@rapport/store';
import { factTable, traitUses, type FactTable } from '../membership/facts.js';
import { operatorsOf, type LoadedDocument, type LoadedPlugin } from '@rapport/plugin-host';
import { traitKey } from '../measurement/planner.js';
import type { EvaluateOptions } from '../measurement/evaluation.js';
import { type RunSetting } from '../membership/setting.js';
import { factTables, metricsRead, usesOfAll, type FactTables } from '../membership/fact-tables.js';

/** The same setting with metrics and operators, and of the documents only these. */
export const only = (
  setting: RunSetting,
  plugins: readonly LoadedPlugin[],
  documents: readonly LoadedDocument[],
): RunSetting => ({
  ...setting,
  plugins: [...plugins.filter(({ kind }) => kind === 'metric' || kind === 'operator'), ...documents],
  config: { ...setting.config, trends: { ...setting.config.trends, metrics: [] } },
});

/** The facts that documents ask for, as of an instant, and nothing else. Computes; writes nothing. */
export async function factsFor(
  setting: RunSetting,
  plugins: readonly LoadedPlugin[],
  documents: readonly LoadedDocument[],
  snapshot: Snapshot,
  asOf: number,
  options: EvaluateOptions = {},
): Promise<FactTables> {
  const kinds = [...new Set(documents.map(({ document }) => document.subject))];
  const levels = kinds.map((kind) => ({ kind }));
  const metrics = metricsRead(documents, plugins);
  const { tables } = await factTables(only(setting, plugins, documents), snapshot, asOf, levels, {
    ...options,
    metrics,
  });
  return tables;
}

/**
 * The facts that documents ask for, as the latest run found them: nothing has to be computed for a rule about what was computed already. Null where there is no run, or it has not all of it, or
 * not with the versions and configurations of now.
 */
export async function factsOfLatestRun(
  { store }: RunSetting,
  plugins: readonly LoadedPlugin[],
  documents: readonly LoadedDocument[],
  snapshot: Snapshot,
): Promise<{ readonly asOf: number; readonly tables: FactTables } | null> {
  const run = await store.latestRun();
  if (!run || !isOfNow(run.manifest, metricsRead(documents, plugins), plugins)) return null;
  const tables = new Map<'account' | 'user', FactTable>();
  for (const kind of ['account', 'user'] as const) {
    const uses = usesOfAll(
      documents.filter(({ document }) => document.subject === kind),
      operatorsOf(plugins),
    );
    if (uses.length === 0) continue;
    const level: Level = { kind };
    const names = [...new Set(uses.map(({ fact }) => fact))].filter((fact) => !/^(?:trait|segment)\./.test(fact));
    const results = await store.results(run.number, level, names);
    if (!results || names.some((name) => !Object.hasOwn(results.columns, name))) return null;
    const { measured, whole } = traitUses(uses);
    const measures = measured.map(({ trait, as }) => ({ node: 'trait', name: trait, as }) as const);
    const [frame] = await snapshot.measure([{ level, asOf: run.asOf, measures }]);
    // Somebody may have become known by what came late since the run.
    if (!frame || frame.subjects.length !== results.subjects.length) return null;
    const traits = new Map(measured.map((use, i) => [traitKey(use), i]));
    tables.set(kind, factTable({ frame, results, traits }, whole ? await snapshot.traits(kind, run.asOf) : null));
  }
  return { asOf: run.asOf, tables };
}

/** Whether metrics, and what they use, are those that a run computed. */
function isOfNow({ metrics }: RunManifest, ids: readonly string[], plugins: readonly LoadedPlugin[]): boolean {
  const loaded = new Map(
    plugins.flatMap((plugin) => (plugin.kind === 'metric' ? [[plugin.definition.id, plugin]] : [])),
  );
  const left = [...ids];
  const seen = new Set(left);
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    const now = loaded.get(id);
    const then = Object.hasOwn(metrics, id) ? metrics[id] : undefined;
    if (!now || then?.version !== now.version || then.configHash !== now.configHash) return false;
    for (const used of [...now.definition.uses, ...now.definition.usesPortfolio])
      if (!seen.has(used)) left.push((seen.add(used), used));
  }
  return true;
}
