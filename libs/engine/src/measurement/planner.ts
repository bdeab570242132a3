import type { Node } from '@rapport/sdk';
import { profileFacts, TENURE, type FactReading, type ProfileClass } from '@rapport/rules';
import { type Zone } from '@rapport/sdk/time';
import {
  isFold,
  resolveMeasure,
  resolveWindow,
  type FoldNode,
  type Level,
  type Plan,
  type ResolvedMeasure,
  type StreamQuery,
  type TraitReading,
} from '@rapport/store';
import { canonical, type InputSource, type MetricDescriptor } from '@rapport/plugin-host';

export interface FoldPlan {
  readonly name: string;
  readonly reducer: string;
  readonly query: StreamQuery;
}
/** Where an input comes from, before the profiles of a level have columns. */
export type PlannedSource = InputSource | { readonly profile: string };
/** Where a metric's inputs come from at one level. */
export interface InputPlan {
  readonly inputs: Readonly<Record<string, PlannedSource>>;
  readonly folds: readonly FoldPlan[];
}
export interface MetricPlan extends InputPlan {
  readonly metric: MetricDescriptor;
  /** Reduced over accounts, from these inputs, instead of computed from its own. */
  readonly reduce: InputPlan | null;
}
/** A trait that rules read, and as what. */
export interface TraitUse {
  readonly trait: string;
  readonly as: TraitReading;
}
export interface LevelPlan {
  readonly plan: Plan;
  /** False when the level is measured only for what other levels need. */
  readonly wanted: boolean;
  readonly metrics: readonly MetricPlan[];
  /** Column of a trait, by `traitKey`. */
  readonly traits: ReadonlyMap<string, number>;
  /** Column of a profile, by name, behind those of the measures. */
  readonly profiles: ReadonlyMap<string, number>;
}
export interface Plans {
  readonly levels: readonly LevelPlan[];
  /** Index of the plan whose accounts are reduced to portfolios and families; −1 when nothing is. */
  readonly rows: number;
}
/** How a trait is measured that rules read in a reading: a time as JSON, because an instant is not a day. Null for what is read from the traits themselves. */
export const measuredAs = (reading: FactReading): TraitReading | null =>
  reading === 'any' || reading === 'boolean' ? null : reading === 'time' ? 'json' : reading;

export const traitKey = ({ trait, as }: TraitUse): string => `${as} ${trait}`;
export const levelKey = (level: Level): string => {
  if (level.kind === 'family') return `family by ${level.parent}`;
  return level.kind === 'portfolio' && level.by !== undefined ? `portfolio by ${level.by}` : level.kind;
};
/** The whole portfolio. */
export const isWhole = (level: Level): boolean => level.kind === 'portfolio' && level.by === undefined;

export interface PlanRequest {
  /** In the order they are computed in. */
  readonly metrics: readonly MetricDescriptor[];
  readonly levels: readonly Level[];
  readonly traits: Readonly<Record<'account' | 'user', readonly TraitUse[]>>;
  readonly profiles: Readonly<Record<string, readonly ProfileClass[]>>;
  readonly signupTrait: string;
  readonly asOf: number;
  readonly zone: Zone;
  readonly subjects?: readonly string[] | undefined;
}

/** Whether a metric has values at a level, and whether they are reduced over accounts. */
function supports(metric: MetricDescriptor, level: Level): boolean {
  return metric.subjects.includes(level.kind === 'family' ? 'account' : level.kind);
}
function reduces(metric: MetricDescriptor, level: Level): boolean {
  if (!metric.reducesPortfolio) return false;
  return level.kind === 'portfolio' || (level.kind === 'family' && metric.family === 'reduce');
}

/**
 * One plan per level. Equal measures of different metrics become one measure; a metric is left out of a level whose subjects it does not support.
 * When a metric reduces over accounts, accounts are measured too, and so is the portfolio when a metric reads its values.
 */
export function planLevels(request: PlanRequest): Plans {
  const { metrics, levels, subjects } = request;
  const account: Level = { kind: 'account' };
  const readsPortfolio = metrics.some(({ usesPortfolio }) => usesPortfolio.length > 0);
  const needed = readsPortfolio && !levels.some(isWhole) ? [...levels, { kind: 'portfolio' } as const] : levels;
  const reducing = metrics.filter((metric) =>
    needed.some((level) => supports(metric, level) && reduces(metric, level)),
  );
  const plan = planner(request);

  // Accounts come first, as portfolios are reduced from them.
  const planned: LevelPlan[] = [];
  let rows = -1;
  let reductions: ReadonlyMap<string, InputPlan> = new Map();
  const accountsWanted = levels.some(({ kind }) => kind === 'account');
  if (accountsWanted) {
    const shared = subjects ? [] : reducing;
    const accounts = plan(account, true, shared, reductions, subjects);
    planned.push(accounts.plan);
    if (!subjects) [rows, reductions] = [0, accounts.reductions];
  }
  if (reducing.length > 0 && rows < 0) {
    const all = plan(account, false, reducing, reductions, undefined);
    rows = planned.push(all.plan) - 1;
    reductions = all.reductions;
  }
  for (const level of needed) {
    if (level.kind === 'account') continue;
    const only = level.kind === 'user' ? subjects : undefined;
    planned.push(plan(level, levels.includes(level), [], reductions, only).plan);
  }
  return { levels: planned, rows: reducing.length > 0 ? rows : -1 };
}

/** Plans one level: for its own metrics (none when it is not wanted, unless it is the portfolio), and for metrics that are reduced from it. */
function planner({ metrics, traits, profiles, signupTrait, asOf, zone }: PlanRequest) {
  return (
    level: Level,
    wanted: boolean,
    reducing: readonly MetricDescriptor[],
    reductions: ReadonlyMap<string, InputPlan>,
    subjects: readonly string[] | undefined,
  ): { readonly plan: LevelPlan; readonly reductions: ReadonlyMap<string, InputPlan> } => {
    const columns = new Map<string, number>();
    const measures: ResolvedMeasure[] = [];
    const asked = new Set<string>();
    const columnOf = (measure: ResolvedMeasure): number => {
      const key = canonical(measure);
      let column = columns.get(key);
      if (column === undefined) columns.set(key, (column = measures.push(measure) - 1));
      return column;
    };
    const inputsOf = (metric: MetricDescriptor): InputPlan => {
      const folds: FoldPlan[] = [];
      const inputs = Object.entries(metric.measures).map(([name, node]: [string, Node]): [string, PlannedSource] => {
        if (node.node === 'profile') {
          asked.add(node.name);
          return [name, { profile: node.name }];
        }
        if (!isFold(node)) return [name, columnOf(resolveMeasure(node, asOf, zone))];
        folds.push(foldPlan(name, node, level, asOf, zone, subjects));
        return [name, { fold: name }];
      });
      return { inputs: Object.fromEntries(inputs), folds };
    };
    const its = new Map(reducing.map((metric) => [metric.id, inputsOf(metric)]));
    const here = wanted || level.kind === 'portfolio' ? metrics.filter((metric) => supports(metric, level)) : [];
    const planned = here.map((metric): MetricPlan => {
      const reduce = reduces(metric, level) ? (reductions.get(metric.id) ?? null) : null;
      return { metric, reduce, ...(reduce ? { inputs: {}, folds: [] } : inputsOf(metric)) };
    });
    const kind = level.kind === 'user' ? 'user' : 'account';
    const known = level.kind === 'portfolio' ? [] : [...asked].filter((name) => Object.hasOwn(profiles, name));
    const uses =
      level.kind === 'portfolio'
        ? []
        : [
            ...(level.kind === 'family' ? [] : traits[kind]),
            ...known.flatMap((name) => profileTraits(profiles[name] ?? [], signupTrait)),
          ];
    const traitColumns = new Map(
      uses.map((use) => [traitKey(use), columnOf({ node: 'trait', name: use.trait, as: use.as })]),
    );
    const profileColumns = new Map([...asked].map((name, i) => [name, measures.length + i]));
    return {
      plan: {
        plan: { level, asOf, measures, ...(subjects ? { subjects } : {}) },
        wanted,
        metrics: planned,
        traits: traitColumns,
        profiles: profileColumns,
      },
      reductions: its,
    };
  };
}

/** The traits that a profile's rules read, as measures. Booleans, and traits of any type, are read from the traits themselves. */
function profileTraits(classes: readonly ProfileClass[], signupTrait: string): readonly TraitUse[] {
  return profileFacts(classes).flatMap(({ fact, reading }): readonly TraitUse[] => {
    if (fact === TENURE) return [{ trait: signupTrait, as: 'time' }];
    const as = measuredAs(reading);
    return as === null ? [] : [{ trait: fact.slice('trait.'.length), as }];
  });
}

const foldPlan = (
  name: string,
  node: FoldNode,
  level: Level,
  asOf: number,
  zone: Zone,
  subjects: readonly string[] | undefined,
): FoldPlan => ({
  name,
  reducer: node.reducer,
  query: {
    level,
    asOf,
    filter: node.filter,
    window: resolveWindow(node.window, asOf, zone),
    properties: node.properties,
    ...(subjects ? { subjects } : {}),
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
    for (const used of [...metric.uses, ...metric.usesPortfolio]) visit(used);
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
