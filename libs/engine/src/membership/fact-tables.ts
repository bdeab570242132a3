import { type FactUse, type OperatorSet, factsOf } from '@rapport/rules';
import { zone as zoneOf } from '@rapport/sdk/time';
import { type Level, type Snapshot } from '@rapport/store';
import { type DerivedSetting, derivedIds, withDerived } from '../measurement/derived.js';
import { type EvaluateOptions, type Evaluated, type Evaluation, metricsOf } from '../measurement/evaluation.js';
import { evaluateAgain } from '../measurement/incremental.js';
import { type LoadedDocument, type LoadedPlugin, documentsAmong, operatorsOf } from '@rapport/plugin-host';
import { failuresBehind, type FailuresBehind } from './failures.js';
import type { RunSetting } from './setting.js';
import { type FactTable, factTable, traitUses } from './facts.js';

export const kinds = ['account', 'user'] as const;

export const documentsOf = (plugins: readonly LoadedPlugin[], kind: 'account' | 'user'): readonly LoadedDocument[] =>
  documentsAmong(plugins).filter(({ document }) => document.subject === kind);

export const usesOfAll = (documents: readonly LoadedDocument[], operators: OperatorSet): readonly FactUse[] =>
  documents.flatMap(({ document }) => factsOf(document, operators));

/** Account and portfolio, users if a rule is about them, and families where accounts have parents. */
export const defaultLevels = ({ plugins, config }: Pick<RunSetting, 'plugins' | 'config'>): readonly Level[] => [
  { kind: 'account' },
  ...(documentsOf(plugins, 'user').length > 0 ? [{ kind: 'user' } as const] : []),
  ...(config.hierarchy ? [{ kind: 'family', parent: config.hierarchy.parent } as const] : []),
  { kind: 'portfolio' },
];

export function evaluationSetting(setting: RunSetting, withTraits: boolean): DerivedSetting {
  const { plugins, host, limits, strikes, store, config, memory } = setting;
  const operators = operatorsOf(plugins);
  const traits = (kind: 'account' | 'user') =>
    withTraits ? traitUses(usesOfAll(documentsOf(plugins, kind), operators)).measured : [];
  return {
    plugins,
    host,
    limits,
    strikes,
    zone: zoneOf(store.zone),
    profiles: config.profiles ?? {},
    signupTrait: config.signupTrait ?? 'signupAt',
    history: store,
    memory,
    slopeDays: config.trends?.slopeDays ?? 30,
    traits: { account: traits('account'), user: traits('user') },
  };
}

/** Measures, computes and derives what rules and the configuration ask for. */
export async function evaluateAll(
  setting: RunSetting,
  withTraits: boolean,
  snapshot: Snapshot,
  asOf: number,
  levels: readonly Level[],
  options: EvaluateOptions,
): Promise<Evaluated> {
  const { plugins, config } = setting;
  const evaluation = evaluationSetting(setting, withTraits);
  const evaluated = await evaluateAgain(evaluation, snapshot, asOf, levels, options, setting.memory);
  const operators = operatorsOf(plugins);
  const facts = kinds.flatMap((kind) => usesOfAll(documentsOf(plugins, kind), operators).map(({ fact }) => fact));
  const derived = derivedIds(plugins, facts, config.trends?.metrics ?? [], options.derived);
  return withDerived(evaluation, snapshot, levels, evaluated, derived, options);
}

export type FactTables = ReadonlyMap<'account' | 'user', FactTable>;
export interface Facts {
  readonly evaluation: Evaluation;
  readonly tables: FactTables;
  readonly failures: FailuresBehind;
}

/** Evaluates, and gives the facts of every kind of subject that documents are about. */
export async function factTables(
  setting: RunSetting,
  snapshot: Snapshot,
  asOf: number,
  levels: readonly Level[],
  options: EvaluateOptions,
): Promise<Facts> {
  const found = await evaluateAll(setting, true, snapshot, asOf, levels, options);
  const { evaluation, levels: evaluated } = found;
  const tables = new Map<'account' | 'user', FactTable>();
  for (const kind of kinds) {
    const level = evaluated.find(({ plan }) => plan.plan.level.kind === kind);
    if (!level) continue;
    const { whole } = traitUses(usesOfAll(documentsOf(setting.plugins, kind), operatorsOf(setting.plugins)));
    tables.set(
      kind,
      factTable({ ...level, traits: level.plan.traits }, whole ? await snapshot.traits(kind, asOf) : null),
    );
  }
  return { evaluation, tables, failures: failuresBehind(setting.plugins, found) };
}

/** The ids of the metrics that documents read. */
export function metricsRead(documents: readonly LoadedDocument[], plugins: readonly LoadedPlugin[]): readonly string[] {
  const known = new Set(metricsOf(plugins).map(({ id }) => id));
  const ids = usesOfAll(documents, operatorsOf(plugins)).map(({ fact }) => fact.split('.', 1)[0] ?? '');
  return [...new Set(ids.filter((id) => known.has(id)))];
}
