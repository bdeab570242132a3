import type { Node } from '@rapport/sdk';
import {
  isFold,
  resolveMeasure,
  resolveWindow,
  type FoldNode,
  type Level,
  type Plan,
  type ResolvedMeasure,
  type StreamQuery,
  type Zone,
} from '@rapport/store';
import type { MetricDescriptor } from './api.js';
import { canonical } from './canonical.js';
import type { InputSource } from './protocol.js';

export interface FoldPlan {
  readonly name: string;
  readonly reducer: string;
  readonly query: StreamQuery;
}
/** Where a metric's inputs come from at one level. */
export interface InputPlan {
  readonly inputs: Readonly<Record<string, InputSource>>;
  readonly folds: readonly FoldPlan[];
}
export interface MetricPlan extends InputPlan {
  readonly metric: MetricDescriptor;
  /** Reduced over the accounts of the account level, from these inputs, instead of computed from its own. */
  readonly reduce: InputPlan | null;
}
/** A trait that rules read, and as what. */
export interface TraitUse {
  readonly trait: string;
  readonly as: 'number' | 'text' | 'time';
}
export interface LevelPlan {
  readonly plan: Plan;
  /** False when the level is measured only for what other levels need. */
  readonly wanted: boolean;
  readonly metrics: readonly MetricPlan[];
  /** Column of a trait, by `traitKey`. */
  readonly traits: ReadonlyMap<string, number>;
}
export const traitKey = ({ trait, as }: TraitUse): string => `${as} ${trait}`;
export const levelKey = (level: Level): string =>
  level.kind === 'portfolio' && level.by !== undefined ? `portfolio by ${level.by}` : level.kind;

/**
 * One plan per level. Equal measures of different metrics become one measure; a metric is left out of a level whose subjects it does not support.
 * When a portfolio metric reduces over accounts, accounts are measured too.
 *
 * @param metrics in the order they are computed in
 */
export function planLevels(
  metrics: readonly MetricDescriptor[],
  levels: readonly Level[],
  traits: { readonly account: readonly TraitUse[]; readonly user: readonly TraitUse[] },
  asOf: number,
  zone: Zone,
): readonly LevelPlan[] {
  const reducing = levels.some(({ kind }) => kind === 'portfolio')
    ? metrics.filter((metric) => metric.reducesPortfolio && metric.subjects.includes('portfolio'))
    : [];
  const account: Level = { kind: 'account' };
  const needed = reducing.length > 0 && !levels.some(({ kind }) => kind === 'account') ? [account, ...levels] : levels;
  // Accounts come first, as portfolios are reduced from them.
  const ordered = [...needed].sort((a, b) => Number(b.kind === 'account') - Number(a.kind === 'account'));
  const reductions = new Map<string, InputPlan>();
  return ordered.map((level) => {
    const columns = new Map<string, number>();
    const measures: ResolvedMeasure[] = [];
    const columnOf = (measure: ResolvedMeasure): number => {
      const key = canonical(measure);
      let column = columns.get(key);
      if (column === undefined) columns.set(key, (column = measures.push(measure) - 1));
      return column;
    };
    const inputsOf = (metric: MetricDescriptor): InputPlan => {
      const folds: FoldPlan[] = [];
      const inputs = Object.entries(metric.measures).map(([name, node]: [string, Node]): [string, InputSource] => {
        if (!isFold(node)) return [name, columnOf(resolveMeasure(node, asOf, zone))];
        folds.push(foldPlan(name, node, level, asOf, zone));
        return [name, { fold: name }];
      });
      return { inputs: Object.fromEntries(inputs), folds };
    };
    if (level.kind === 'account') for (const metric of reducing) reductions.set(metric.id, inputsOf(metric));
    const planned = metrics
      .filter((metric) => metric.subjects.includes(level.kind))
      .map((metric): MetricPlan => {
        const reduce = level.kind === 'portfolio' ? (reductions.get(metric.id) ?? null) : null;
        return { metric, reduce, ...(reduce ? { inputs: {}, folds: [] } : inputsOf(metric)) };
      });
    const uses = level.kind === 'portfolio' ? [] : traits[level.kind];
    const traitColumns = new Map(
      uses.map((use) => [traitKey(use), columnOf({ node: 'trait', name: use.trait, as: use.as })]),
    );
    return { plan: { level, asOf, measures }, wanted: levels.includes(level), metrics: planned, traits: traitColumns };
  });
}

const foldPlan = (name: string, node: FoldNode, level: Level, asOf: number, zone: Zone): FoldPlan => ({
  name,
  reducer: node.reducer,
  query: {
    level,
    asOf,
    filter: node.filter,
    window: resolveWindow(node.window, asOf, zone),
    properties: node.properties,
  },
});

/** The metrics asked for and those that they use, each after what it uses; ties by id. */
export function computeOrder(
  metrics: readonly MetricDescriptor[],
  wanted: readonly string[] | null,
): readonly MetricDescriptor[] {
  const byId = new Map(metrics.map((metric) => [metric.id, metric]));
  const ordered = new Set<MetricDescriptor>();
  const visit = (id: string) => {
    const metric = byId.get(id);
    if (!metric || ordered.has(metric)) return;
    for (const used of metric.uses) visit(used);
    ordered.add(metric);
  };
  for (const id of wanted ?? [...byId.keys()].sort()) visit(id);
  return [...ordered];
}

/** Names of the event properties that measures read. */
export function propertiesOf(metrics: readonly MetricDescriptor[]): readonly string[] {
  const names = new Set<string>();
  const walk = (value: unknown, key: string): void => {
    if (Array.isArray(value)) {
      value.forEach((item) => {
        walk(item, key);
      });
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) walk(inner, name);
    } else if (
      typeof value === 'string' &&
      ['property', 'properties', 'effectiveAt', 'key', 'sum'].includes(key) &&
      value !== 'event'
    )
      names.add(value);
  };
  for (const metric of metrics) for (const node of Object.values(metric.measures)) walk(node, '');
  names.delete('');
  return [...names].sort();
}
