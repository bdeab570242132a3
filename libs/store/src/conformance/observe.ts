import type { Plan } from '../plan.js';
import type { EventStore, Snapshot, StreamedEvent } from '../ports.js';
import { resolveMeasure, resolveWindow } from '../resolve.js';
import { zone as zoneOf } from '../zone.js';
import { expectFrame, same } from './compare.js';
import type { World } from './world.js';

/** Every plan of a world: all measures for each question. */
export function plansOf(world: World): readonly Plan[] {
  const zone = zoneOf(world.options.zone);
  return world.questions.map(({ level, asOf }) => ({
    level,
    asOf,
    measures: world.measures.map((measure) => resolveMeasure(measure, asOf, zone)),
  }));
}

/** Throws where a snapshot's measures differ from the oracle's. */
export async function expectMeasures(actual: Snapshot, oracle: Snapshot, world: World): Promise<void> {
  const plans = plansOf(world);
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
        for (const limit of [2, 1000]) {
          same(
            await actual.recent(of, subject, asOf, limit),
            await oracle.recent(of, subject, asOf, limit),
            `recent${what} with limit ${limit}`,
          );
        }
      }
    }
  }
  for (const { level, asOf } of world.questions) {
    const query = { ...world.stream, level, asOf, window: resolveWindow(world.stream.window, asOf, zone) };
    same(
      await collected(actual.stream(query)),
      await collected(oracle.stream(query)),
      `stream ${JSON.stringify(query)}`,
    );
  }
}

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
