import type { Calendar, MetricResult, NoDataReason } from '@rapport/sdk';
import type { Json } from '@rapport/store';
import { compareCodeUnits } from '@rapport/store';
import { groupsOf, resultOf, type Used, usedAnswers } from './answers.js';
import type { Asked } from './asked.js';
import { profileOf } from './inputs.js';
import type { Scene, SubjectLevel } from './scene.js';

/** An event as an oracle sees it: raw, but for the account, which is worked out. */
export interface OracleEvent {
  readonly id: string;
  /** Epoch ms. */
  readonly time: number;
  readonly event: string;
  readonly user: string | null;
  readonly account: string | null;
  readonly session: string | null;
  readonly properties: Readonly<Record<string, Json>>;
}

/** A subject with everything that is known of it as of an instant: what an oracle computes a metric from. */
export interface OracleSubject {
  readonly kind: 'account' | 'user' | 'portfolio';
  /** Of the portfolio: '', or the value of the trait that it is broken down by. */
  readonly id: string;
  /** Epoch ms. */
  readonly asOf: number;
  readonly calendar: Calendar;
  /** The subject's, before `asOf`, in order of time and id. */
  readonly events: readonly OracleEvent[];
  /** As of `asOf`; {} for a portfolio. */
  readonly traits: Readonly<Record<string, Json>>;
  /** Class in one of the workspace's profiles; null for none, and for a portfolio. */
  profile(name: string): string | null;
  /** Of a portfolio, or one of its groups: its accounts; else none. */
  readonly accounts: readonly OracleSubject[];
  /** As in `compute`. */
  metric(id: string): MetricResult;
  portfolio(id: string): MetricResult;
}

/** What an oracle says that a metric's answer must be. What it leaves out is not compared. */
export interface OracleAnswer {
  readonly value: number | null;
  readonly reason: NoDataReason | null;
  readonly n?: number | null;
  readonly parts?: Readonly<Record<string, unknown>>;
}

/**
 * The subjects of a level, for an oracle.
 *
 * @param sessionOf explicit session id of an event, by message id
 */
export async function oracleSubjects(
  metric: Asked,
  level: SubjectLevel,
  scene: Scene,
  sessionOf: (event: string) => string | null,
): Promise<readonly OracleSubject[]> {
  const used = await usedAnswers(metric, level, scene);
  const accounts =
    level.kind === 'portfolio' ? await plainSubjects({ kind: 'account' }, scene, sessionOf, noMetrics) : [];
  if (level.kind !== 'portfolio') return plainSubjects(level, scene, sessionOf, used);

  const groupOf = await groupsOf(level, scene);
  const ids = await idsOf(level, scene);
  const everything = level.by === undefined ? await eventsOf('portfolio', '', scene, sessionOf) : [];
  return ids.map((id) => {
    const members = accounts.filter((account) => groupOf(account.id) === id);
    const events = level.by === undefined ? everything : members.flatMap((account) => account.events).sort(inOrder);
    return {
      kind: 'portfolio',
      id,
      asOf: scene.asOf,
      calendar: scene.zone,
      events,
      traits: {},
      profile: () => null,
      accounts: members,
      ...readingOf(used, id),
    };
  });
}

const noMetrics: Used = { metric: () => undefined, portfolio: () => undefined };
const readingOf = (used: Used, id: string) => ({
  metric: (name: string) => resultOf(used.metric(name)?.get(id)),
  portfolio: (name: string) => resultOf(used.portfolio(name)?.get('')),
});

async function plainSubjects(
  level: { readonly kind: 'account' | 'user' },
  scene: Scene,
  sessionOf: (event: string) => string | null,
  used: Used,
): Promise<readonly OracleSubject[]> {
  const { snapshot, asOf, zone, workspace } = scene;
  const traits = await snapshot.traits(level.kind, asOf);
  const classes = new Map<string, (subject: string) => string | null>();
  for (const name of Object.keys(workspace.profiles ?? {})) classes.set(name, await profileOf(name, level, scene));
  const ids = await idsOf(level, scene);
  return Promise.all(
    ids.map(async (id) => ({
      kind: level.kind,
      id,
      asOf,
      calendar: zone,
      events: await eventsOf(level.kind, id, scene, sessionOf),
      traits: traits.get(id) ?? {},
      profile: (name: string) => classes.get(name)?.(id) ?? null,
      accounts: [],
      ...readingOf(used, id),
    })),
  );
}

async function idsOf(level: SubjectLevel, { snapshot, asOf }: Scene): Promise<readonly string[]> {
  const [frame] = await snapshot.measure([{ level, asOf, measures: [] }]);
  return frame?.subjects ?? [];
}

async function eventsOf(
  kind: OracleSubject['kind'],
  id: string,
  { snapshot, asOf }: Scene,
  sessionOf: (event: string) => string | null,
): Promise<readonly OracleEvent[]> {
  const events = await snapshot.recent(kind, id, asOf, Number.MAX_SAFE_INTEGER);
  return events.map((event) => ({ ...event, session: sessionOf(event.id) })).reverse();
}

const inOrder = (a: OracleEvent, b: OracleEvent) => a.time - b.time || compareCodeUnits(a.id, b.id);
