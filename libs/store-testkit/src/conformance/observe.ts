import { isDeepStrictEqual } from 'node:util';
import type { EventStore, Frame, Level, Plan, Snapshot, StreamedEvent } from '@rapport/store';
import { looksAt, ownValue, resolveMeasure, resolveWindow, valueAt } from '@rapport/store';
import { zone as zoneOf } from '@rapport/sdk/time';
import { expectFrame, same } from './compare.js';
import type { World } from './world.js';

/** All measures of a world. */
function planOf(world: World, level: Level, asOf: number): Plan {
  const zone = zoneOf(world.options.zone);
  return { level, asOf, measures: world.measures.map((measure) => resolveMeasure(measure, asOf, zone)) };
}

const ofSome = ({ level }: { readonly level: Level }) => level.kind === 'account' || level.kind === 'user';

/** Some of a level's subjects, in another order, with one twice and one that is not there. */
async function someOf(oracle: Snapshot, level: Level, asOf: number, { some }: World): Promise<readonly string[]> {
  const [frame] = await oracle.measure([{ level, asOf, measures: [] }]);
  const chosen = (frame?.subjects ?? []).filter((_, i) => (some >> (i % 8)) & 1).reverse();
  return [...chosen, ...chosen.slice(0, 1), 'nobody'];
}

/** Values of the traits that windows begin at, as a plan may give them. */
async function traitsOf(oracle: Snapshot, { level, asOf, measures }: Plan, subjects: readonly string[]) {
  const known = await oracle.traits(level.kind as 'account' | 'user', asOf);
  const names = measures.flatMap((measure) =>
    measure.node !== 'trait' && measure.window.kind === 'sinceTrait' ? [measure.window.trait] : [],
  );
  const valuesOf = (name: string) => subjects.map((subject) => ownValue(known.get(subject) ?? {}, name) ?? null);
  return Object.fromEntries([...new Set(names)].map((name) => [name, valuesOf(name)]));
}

/** Throws where a snapshot's measures differ from the oracle's: all of them for each question, and for some of the subjects. */
export async function expectMeasures(actual: Snapshot, oracle: Snapshot, world: World): Promise<void> {
  const whole = world.questions.map(({ level, asOf }) => planOf(world, level, asOf));
  const some = whole.filter(ofSome).map(async (plan) => {
    const subjects = await someOf(oracle, plan.level, plan.asOf, world);
    return { ...plan, subjects, ...(world.some % 2 === 0 ? { traits: await traitsOf(oracle, plan, subjects) } : {}) };
  });
  const plans = [...whole, ...(await Promise.all(some))];
  const [frames, expected] = await Promise.all([actual.measure(plans), oracle.measure(plans)]);
  same(frames.length, plans.length, 'number of frames');
  plans.forEach((plan, i) => {
    const [frame, reference] = [frames[i], expected[i]];
    if (!frame || !reference) throw new Error(`no frame for plan ${i}`);
    expectFrame(frame, reference, plan);
  });
}

/** Throws where anything but measures differs: traits, latest events, streams. */
export async function expectReadings(actual: Snapshot, oracle: Snapshot, world: World): Promise<void> {
  const zone = zoneOf(world.options.zone);
  for (const of of ['account', 'user'] as const) {
    same(await actual.traitNames(of), await oracle.traitNames(of), `traitNames(${of})`);
  }
  for (const asOf of new Set(world.questions.map((question) => question.asOf))) {
    for (const of of ['account', 'user'] as const) {
      const traits = await oracle.traits(of, asOf);
      same(sortedMap(await actual.traits(of, asOf)), sortedMap(traits), `traits(${of}, ${asOf})`);
      const [frame] = await oracle.measure([{ level: { kind: of }, asOf, measures: [] }]);
      for (const subject of [...(frame?.subjects ?? []), 'nobody']) {
        const what = `(${of}, ${JSON.stringify(subject)}, ${asOf})`;
        same(await actual.traits(of, asOf, subject), await oracle.traits(of, asOf, subject), `traits${what}`);
        await expectRecent(of, subject, asOf, 2);
        await expectRecent(of, subject, asOf, 1000);
        await expectRecent(of, subject, asOf, 3, true);
      }
    }
    await expectRecent('portfolio', '', asOf, 20);
    await expectRecent('portfolio', '', asOf, 1000, true);
  }
  for (const { level, asOf } of world.questions) {
    const subjects = ofSome({ level }) && world.some % 2 === 0 ? await someOf(oracle, level, asOf, world) : null;
    const query = {
      ...world.stream,
      level,
      asOf,
      window: resolveWindow(world.stream.window, asOf, zone),
      ...(subjects ? { subjects } : {}),
    };
    same(
      await collected(actual.stream(query)),
      await collected(oracle.stream(query)),
      `stream ${JSON.stringify(query)}`,
    );
  }

  async function expectRecent(
    of: 'account' | 'user' | 'portfolio',
    subject: string,
    asOf: number,
    limit: number,
    narrow = false,
  ) {
    const { filter, properties } = world.stream;
    const window = resolveWindow(world.stream.window, asOf, zone);
    const fixed =
      window.kind === 'days'
        ? window
        : ({ kind: 'days', from: null, to: zone.dayOf(asOf - 1), start: null, end: asOf } as const);
    const only = narrow ? [{ filter, window: fixed, properties }] : [];
    same(
      await actual.recent(of, subject, asOf, limit, ...only),
      await oracle.recent(of, subject, asOf, limit, ...only),
      `recent(${of}, ${JSON.stringify(subject)}, ${asOf}, ${limit}, ${JSON.stringify(only)})`,
    );
  }
}

/**
 * Throws where a subject's answers are others than they were and `changes` does not name it.
 *
 * @param actual a snapshot taken after the one whose state is given
 * @param before the oracle at that state
 * @param after the oracle at the state of `actual`
 */
export async function expectChanges(actual: Snapshot, state: string, before: Snapshot, after: Snapshot, world: World) {
  const zone = zoneOf(world.options.zone);
  for (const asOf of new Set(world.questions.map((question) => question.asOf))) {
    const since = { state, asOf: Math.max(asOf - world.ago, zone.startOfDay(zone.dayOf(asOf - 1)) + 1) };
    const at = `changes since ${JSON.stringify(since)} as of ${asOf}`;
    const changes = await actual.changes(since, asOf, ['effectiveAt']);
    if (!changes) throw new Error(`no ${at}`);
    for (const kind of ['account', 'user'] as const) {
      const plan = planOf(world, { kind }, asOf);
      const [was] = await before.measure([planOf(world, { kind }, since.asOf)]);
      const [is] = await after.measure([plan]);
      const named = new Set(kind === 'account' ? changes.accounts : changes.users);
      const old = answersOf(was);
      for (const [subject, answers] of answersOf(is)) {
        const other = plan.measures.find((_, m) => !isDeepStrictEqual(answers[m], old.get(subject)?.[m]));
        if (other && !named.has(subject))
          throw new Error(`${at} do not name the ${kind} ${JSON.stringify(subject)}: ${JSON.stringify(other)}`);
        const { events } = changes;
        const unseen = plan.measures.find(
          (measure, m) =>
            events &&
            old.has(subject) &&
            !looksAt(measure, events) &&
            !isDeepStrictEqual(answers[m], old.get(subject)?.[m]),
        );
        if (unseen)
          throw new Error(`${at} name no event that ${JSON.stringify(unseen)} looks at: ${JSON.stringify(events)}`);
      }
    }
  }
}

const answersOf = (frame: Frame | undefined): ReadonlyMap<string, readonly unknown[]> =>
  new Map(frame?.subjects.map((subject, i) => [subject, frame.columns.map((column) => valueAt(column, i))]));

/** Throws where a store and the oracle differ in anything that they can be asked. */
export async function expectAlike(store: EventStore, oracle: EventStore, world: World): Promise<void> {
  same(await store.stats(), await oracle.stats(), 'stats');
  const [actual, expected] = await Promise.all([store.snapshot(), oracle.snapshot()]);
  try {
    await expectMeasures(actual, expected, world);
    await expectReadings(actual, expected, world);
  } finally {
    await actual.close();
  }
}

const sortedMap = <V>(map: ReadonlyMap<string, V>) => new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));

async function collected(batches: AsyncIterable<readonly StreamedEvent[]>): Promise<readonly StreamedEvent[]> {
  const events: StreamedEvent[] = [];
  for await (const batch of batches) events.push(...batch);
  return events;
}
