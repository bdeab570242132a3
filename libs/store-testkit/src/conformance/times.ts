import { count, firstDays, latest, lifetime, since, spans, trait } from '@rapport/sdk';
import { timeReadings, type TimeReading } from '@rapport/sdk/time-readings';
import { describe, expect } from 'vitest';
import type { MeasureNode } from '@rapport/store';
import type { OpenStore } from './open-store.js';
import { event, measured, traits, withStore } from './facts.js';

const OPENED = '1969-01-01T00:00:00Z';
const CLOSED = '1969-06-01T00:00:00Z';
const AS_OF = '2100-01-01T00:00:00Z';
const subscription = {
  key: 'id',
  open: { events: ['Started'] },
  close: { events: ['Cancelled'] },
  effectiveAt: 'when',
};

const zones = [...new Set(timeReadings.map(({ zone }) => zone))];

/** A day's edges, and one millisecond to the other side of each. */
const probes = ({ from, until }: TimeReading): readonly number[] => {
  const [start, end] = [Date.parse(from ?? ''), Date.parse(until ?? '')];
  return [...new Set([start - 1, start, end - 1, end])];
};

/** Every place where a store reads a time, on the table that all of Rapport is tested with. */
export function describeTimes(open: OpenStore): void {
  describe.each(zones)('times in %s', (zone) => {
    const readings = timeReadings.filter((reading) => reading.zone === zone).map((reading, i) => ({ ...reading, id: `r${String(i)}` })); // prettier-ignore
    const days = readings.filter(({ kind }) => kind === 'day');
    const expected = <T>(of: (reading: (typeof readings)[number]) => T) =>
      Object.fromEntries(readings.map((reading) => [reading.id, of(reading)]));
    const instantOf = ({ from }: TimeReading) => (from === null ? null : Date.parse(from));

    withStore(open)(
      'are read as everywhere, in traits, properties and effective instants',
      async ({ store }) => {
        await store.append(
          readings.flatMap(({ id, value }) => [
            traits('account', id, { when: value }, OPENED),
            event(null, 'Started', OPENED, { account: id }),
            event(null, 'Cancelled', CLOSED, { account: id, properties: { when: value } }),
          ]),
        );
        const ask = (node: MeasureNode, subjects?: readonly string[]) =>
          measured(store, node, AS_OF, { kind: 'account' }, zone, subjects);
        const ids = readings.map(({ id }) => id);
        for (const subjects of [undefined, ids]) {
          const newest = latest('when', {}, lifetime(), 'time') as MeasureNode;
          expect(await ask(trait('when', 'time') as MeasureNode, subjects)).toEqual(expected(instantOf));
          expect(await ask({ node: 'trait', name: 'when', as: 'json' }, subjects)).toEqual(
            expected(({ value }) => JSON.stringify(value)),
          );
          expect(await ask(newest, subjects)).toEqual(expected(instantOf));
          // What cannot be read takes effect when it happened.
          const duration = spans(subscription, { quantile: 0.5 }, lifetime()) as MeasureNode;
          expect(await ask(duration, subjects)).toEqual(
            expected((reading) => ((instantOf(reading) ?? Date.parse(CLOSED)) - Date.parse(OPENED)) / 1000),
          );
        }
      },
      { zone },
    );

    if (days.length === 0) return;
    withStore(open)(
      'of days begin windows at the day’s first instant',
      async ({ store }) => {
        await store.append(
          days.flatMap((reading) => [
            traits('account', reading.id, { when: reading.value }, OPENED),
            ...probes(reading).map((at) => event('ann', 'Opened', new Date(at).toISOString(), { account: reading.id })),
          ]),
        );
        const within = (reading: TimeReading) =>
          probes(reading).filter((at) => at >= Date.parse(reading.from ?? '') && at < Date.parse(reading.until ?? ''))
            .length;
        const node = count({}, firstDays(1, since('when'))) as MeasureNode;
        const counts = Object.fromEntries(days.map((reading) => [reading.id, within(reading)]));
        for (const subjects of [undefined, days.map(({ id }) => id)])
          expect(await measured(store, node, AS_OF, { kind: 'account' }, zone, subjects)).toEqual(counts);
      },
      { zone },
    );
  });
}
