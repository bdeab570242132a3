import type { Filter, Node } from '@rapport/sdk';
import { expect, it } from 'vitest';
import type { EventStore, Level, MeasureNode, Message, Properties, StoreOptions } from '@rapport/store';
import { resolveMeasure, valueAt } from '@rapport/store';
import { zone as zoneOf } from '@rapport/sdk/time';
import type { OpenStore, OpenedStore } from './open-store.js';

/** Runs a test on a store of its own. */
export const withStore =
  (open: OpenStore) =>
  (title: string, use: (opened: OpenedStore) => Promise<void>, options: StoreOptions = { zone: 'UTC' }): void =>
    it(title, { timeout: 60_000 }, async () => {
      const opened = await open(options);
      try {
        await use(opened);
      } finally {
        await opened.dispose();
      }
    });

export const at = (iso: string): number => Date.parse(iso);

let made = 0;
const nextId = () => `made-${String(++made).padStart(6, '0')}`;

/** An event of a user. */
export const event = (
  user: string | null,
  name: string,
  time: string,
  rest: {
    readonly id?: string;
    readonly account?: string;
    readonly session?: string;
    readonly properties?: Properties;
  } = {},
): Message => ({
  id: rest.id ?? nextId(),
  time: at(time),
  event: {
    name,
    user,
    account: rest.account ?? null,
    session: rest.session ?? null,
    properties: rest.properties ?? {},
  },
});
export const member = (user: string, account: string, time: string, id = nextId()): Message => ({
  id,
  time: at(time),
  member: { user, account },
});
export const traits = (
  of: 'account' | 'user',
  subject: string,
  values: Properties,
  time: string,
  id = nextId(),
): Message => ({
  id,
  time: at(time),
  traits: { of, subject, values },
});

/** One measure as of an instant, by subject. */
export async function measured(
  store: EventStore,
  node: Node | MeasureNode,
  asOf: string,
  level: Level = { kind: 'account' },
  zone = 'UTC',
  subjects?: readonly string[],
): Promise<Record<string, unknown>> {
  const snapshot = await store.snapshot();
  try {
    const [frame] = await snapshot.measure([
      {
        level,
        asOf: at(asOf),
        measures: [resolveMeasure(node as MeasureNode, at(asOf), zoneOf(zone))],
        ...(subjects ? { subjects } : {}),
      },
    ]);
    expect(frame).toBeDefined();
    return Object.fromEntries(
      (frame?.subjects ?? []).map((subject, i) => [subject, frame?.columns[0] && valueAt(frame.columns[0], i)]),
    );
  } finally {
    await snapshot.close();
  }
}

export const everything: Filter = {};

/** Rejects with an error of a code. */
export const rejectsWith = (promise: Promise<unknown>, code: string) =>
  expect(promise).rejects.toSatisfy(
    (error: unknown) => error instanceof Error && error.message.includes(code),
    `an error with the code ${code}`,
  );
