import { isDeepStrictEqual } from 'node:util';
import type { FoldEvent, FoldValue, MetricDefinition, Node } from '@rapport/sdk';
import { classify, profileFacts, TENURE, type FactReader } from '@rapport/rules';
import type { FoldNode, MeasureNode, ProfileNode } from '@rapport/store';
import { dayOf, readTime } from '@rapport/sdk/time';
import { isFold, read, resolveMeasure, resolveWindow, valueAt } from '@rapport/store';
import type { Asked } from './asked.js';
import { called, show } from './contract.js';
import { ownEntry, type Scene, type SubjectLevel, subjectsOf } from './scene.js';
import { underWatch } from './watch.js';

export type Row = Readonly<Record<string, unknown>>;

/** One value per measure and subject: measures answered by the store, folds and profiles as the engine does. */
export async function inputsOf(
  { definition, config, measures }: Asked,
  level: SubjectLevel,
  scene: Scene,
): Promise<{ readonly subjects: readonly string[]; readonly rows: readonly Row[] }> {
  const { snapshot, asOf, zone } = scene;
  const nodes = Object.entries<Node>(measures);
  const measured = nodes.filter(
    (entry): entry is [string, Node & MeasureNode] => !isFold(entry[1]) && !isProfile(entry[1]),
  );
  const [frame] = await snapshot.measure([
    {
      level,
      asOf,
      measures: measured.map(([, node]) => resolveMeasure(node, asOf, zone)),
      ...subjectsOf(level, scene),
    },
  ]);
  const { subjects, columns } = frame ?? { subjects: [], columns: [] };
  const values = new Map<string, (i: number) => unknown>(
    measured.map(([name], k) => {
      const column = columns[k];
      return [name, (i) => (column ? valueAt(column, i) : null)];
    }),
  );
  for (const [name, node] of nodes) {
    if (isFold(node)) values.set(name, await foldOf(definition, config, node, level, subjects, scene));
    if (isProfile(node)) {
      const classOf = await profileOf(node.name, level, scene);
      values.set(name, (i) => classOf(subjects[i] ?? ''));
    }
  }
  const rows = subjects.map((_, i) => Object.fromEntries([...values].map(([name, value]) => [name, value(i)])));
  return { subjects, rows };
}

const isProfile = (node: Node): node is ProfileNode => node.node === 'profile';

async function foldOf(
  definition: MetricDefinition,
  config: Row,
  node: FoldNode,
  level: SubjectLevel,
  subjects: readonly string[],
  scene: Scene,
): Promise<(i: number) => FoldValue> {
  const { snapshot, asOf, zone, report } = scene;
  const reducer = definition.folds?.find(({ name }) => name === node.reducer);
  if (!reducer) {
    const sentence = `metric "${definition.id}": there is no fold "${node.reducer}" in its "folds"`;
    report({ code: 'RAPPORT_CONFORMANCE_HOOK', sentence });
    return () => null;
  }
  const { filter, properties } = node;
  const window = resolveWindow(node.window, asOf, zone);
  const eventsOf = new Map<string, FoldEvent[]>(subjects.map((id) => [id, []]));
  const query = { level, asOf, filter, window, properties, ...subjectsOf(level, scene) };
  for await (const batch of snapshot.stream(query)) {
    for (const { subject, ...event } of batch) eventsOf.get(subject)?.push(event);
  }
  const fold = (id: string) => {
    const value = called(
      `metric "${definition.id}" for ${level.kind} "${id}", fold "${node.reducer}"`,
      () => {
        const state = (eventsOf.get(id) ?? []).reduce(
          (before, event) => reducer.step(before, event, config as never),
          reducer.initial(config as never),
        );
        return reducer.done(state, config);
      },
      report,
    );
    if (isFoldValue(value)) return value;
    report({
      code: 'RAPPORT_CONFORMANCE_VALUE',
      sentence: `metric "${definition.id}" for ${level.kind} "${id}": the fold "${node.reducer}" gives ${show(value)}; done() must return a finite number, null, or an object of those`,
    });
    return null;
  };
  return underWatch(() => {
    const values = subjects.map(fold);
    // Once more and backwards: what a subject leaves behind, another one finds.
    for (let i = subjects.length - 1; i >= 0; i--) {
      const again = fold(subjects[i] ?? '');
      if (isDeepStrictEqual(again, values[i])) continue;
      const sentence = `metric "${definition.id}" for ${level.kind} "${subjects[i] ?? ''}": the fold "${node.reducer}" gives ${show(values[i])}, and ${show(again)} after other subjects; begin each subject with a new state`;
      report({ code: 'RAPPORT_CONFORMANCE_IMPURE', sentence });
    }
    return (i) => values[i] ?? null;
  });
}

const isNumberOrNull = (value: unknown) => value === null || Number.isFinite(value);
const isFoldValue = (value: unknown): boolean =>
  isNumberOrNull(value) ||
  (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isNumberOrNull));

/** The class of subjects in one of the workspace's profiles. */
export async function profileOf(
  name: string,
  level: SubjectLevel,
  { snapshot, asOf, zone, workspace, onInstant }: Scene,
): Promise<(subject: string) => string | null> {
  const classes = ownEntry(workspace.profiles, name);
  if (!classes || level.kind === 'portfolio') return () => null;
  if (profileFacts(classes).some(({ operator }) => operator === 'withinNext' || operator === 'withinLast'))
    onInstant?.();
  const traits = [...(await snapshot.traits(level.kind, asOf))];
  // A subject without traits comes last.
  const index = new Map(traits.map(([id], i) => [id, i]));
  const traitOf = (i: number, trait: string) => ownEntry(traits[i]?.[1], trait);
  const tenureOf = (i: number) => {
    const signedUp = readTime(traitOf(i, 'signupAt'), zone);
    const days = signedUp === null ? -1 : zone.dayOf(asOf - 1) - dayOf(signedUp, zone);
    return days < 0 ? null : days;
  };
  const reader: FactReader = (fact, reading) => {
    if (fact === TENURE) return tenureOf;
    const trait = fact.slice('trait.'.length);
    return reading === 'any' || reading === 'boolean'
      ? (i) => traitOf(i, trait) ?? null
      : (i) => (reading === 'time' ? (traitOf(i, trait) ?? null) : read(traitOf(i, trait), reading, zone));
  };
  const classOf = classify(classes, reader, { at: asOf, zone });
  return (subject) => classOf(index.get(subject) ?? traits.length);
}
