import type { Measures, MetricDefinition, Node } from '@rapport/sdk';
import { classify, TENURE, type FactReader } from '@rapport/rules';
import type { FoldNode, Level, MeasureNode, ProfileNode } from '@rapport/store';
import { isFold, read, readTime, resolveMeasure, resolveWindow, valueAt } from '@rapport/store';
import { TestkitError } from './error.js';
import { ownEntry, type Scene } from './scene.js';

export type Row = Readonly<Record<string, unknown>>;

/** One value per measure and subject: measures answered by the store, folds and profiles as the engine does. */
export async function inputsOf(
  definition: MetricDefinition,
  config: Row,
  measures: Measures,
  level: Level,
  scene: Scene,
): Promise<{ readonly subjects: readonly string[]; readonly rows: readonly Row[] }> {
  const { snapshot, asOf, zone } = scene;
  const nodes = Object.entries<Node>(measures);
  const measured = nodes.filter((entry): entry is [string, MeasureNode] => !isFold(entry[1]) && !isProfile(entry[1]));
  const [frame] = await snapshot.measure([
    { level, asOf, measures: measured.map(([, node]) => resolveMeasure(node, asOf, zone)) },
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
    if (isProfile(node)) values.set(name, await profileOf(node.name, level, subjects, scene));
  }
  const rows = subjects.map((_, i) => Object.fromEntries([...values].map(([name, value]) => [name, value(i)])));
  return { subjects, rows };
}

const isProfile = (node: Node): node is ProfileNode => node.node === 'profile';

async function foldOf(
  definition: MetricDefinition,
  config: Row,
  node: FoldNode,
  level: Level,
  subjects: readonly string[],
  { snapshot, asOf, zone }: Scene,
): Promise<(i: number) => number | null> {
  const reducer = ownEntry(definition.folds, node.reducer);
  if (!reducer) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_CONTRACT',
      `metric "${definition.id}": there is no reducer "${node.reducer}" in its "folds"`,
    );
  }
  const { filter, properties } = node;
  const window = resolveWindow(node.window, asOf, zone);
  const states = new Map<string, unknown>();
  for await (const batch of snapshot.stream({ level, asOf, filter, window, properties })) {
    for (const { subject, ...event } of batch) {
      const state = states.has(subject) ? states.get(subject) : reducer.initial(config);
      states.set(subject, reducer.step(state, event, config));
    }
  }
  const values = subjects.map((id) => reducer.done(states.has(id) ? states.get(id) : reducer.initial(config), config));
  return (i) => values[i] ?? null;
}

async function profileOf(
  name: string,
  level: Level,
  subjects: readonly string[],
  { snapshot, asOf, zone, workspace }: Scene,
): Promise<(i: number) => string | null> {
  const classes = ownEntry(workspace.profiles, name);
  if (!classes || (level.kind !== 'account' && level.kind !== 'user')) return () => null;
  const traits = await snapshot.traits(level.kind, asOf);
  const traitOf = (i: number, trait: string) => ownEntry(traits.get(subjects[i] ?? ''), trait);
  const tenureOf = (i: number) => {
    const signedUp = readTime(traitOf(i, 'signupAt'));
    const days = signedUp === null ? -1 : zone.dayOf(asOf - 1) - zone.dayOf(signedUp);
    return days < 0 ? null : days;
  };
  const reader: FactReader = (fact, reading) => {
    if (fact === TENURE) return tenureOf;
    const trait = fact.slice('trait.'.length);
    return reading === 'any' || reading === 'boolean'
      ? (i) => traitOf(i, trait) ?? null
      : (i) => read(traitOf(i, trait), reading);
  };
  return classify(classes, reader, asOf);
}
