import type { Engine, LoadedPlugin } from '@rapport/engine';
import type { Membership, Transition } from '@rapport/store';
import { didYouMean } from '../closest.js';
import { exit, RapportError } from '@rapport/errors';
import { count, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

type SegmentPlugin = Extract<LoadedPlugin, { kind: 'segment' }>;

export interface SegmentSize {
  readonly segment: string;
  readonly title: string;
  readonly subject: 'account' | 'user';
  readonly members: number;
  /** In the document's order; empty for a segment without bands. */
  readonly bands: readonly { readonly id: string; readonly title: string; readonly members: number }[];
}
export interface SegmentReport {
  readonly segment: string;
  readonly total: number;
  readonly members: readonly Membership[];
  readonly transitions: readonly Transition[];
}

const documents = (engine: Engine) =>
  engine.plugins
    .filter((plugin): plugin is SegmentPlugin => plugin.kind === 'segment')
    .map(({ document }) => document)
    .sort((a, b) => (a.id < b.id ? -1 : 1));

/** Current members of every segment and band. */
export async function segmentSizes(engine: Engine): Promise<SegmentSize[]> {
  const members = new Map<string, number>();
  for (const { segment } of await engine.store.memberships()) members.set(segment, (members.get(segment) ?? 0) + 1);
  return documents(engine).map(({ id, title, subject, bands }) => {
    const sizes = (bands ?? []).map((band) => ({
      id: band.id,
      title: band.title,
      members: members.get(`${id}.${band.id}`) ?? 0,
    }));
    return {
      segment: id,
      title,
      subject,
      members: members.get(id) ?? sizes.reduce((sum, band) => sum + band.members, 0),
      bands: sizes,
    };
  });
}

export function segmentTable(sizes: readonly SegmentSize[]): string {
  const rows = sizes.flatMap(({ segment, title, subject, members, bands }) => [
    [title, `${count(members)} ${subject}s`, segment],
    ...bands.map((band) => [`  ${band.title}`, count(band.members), `${segment}.${band.id}`]),
  ]);
  return table(['Segment', 'members', 'id'], rows, [1]);
}

export async function segments(
  session: Session,
  id: string | undefined,
  options: { readonly limit: number },
): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    if (id === undefined) {
      const sizes = await segmentSizes(engine);
      return {
        json: { segments: sizes },
        text: sizes.length === 0 ? 'No segment is loaded: see "rapport plugins".' : segmentTable(sizes),
        exitCode: exit.ok,
      };
    }
    const known = documents(engine).flatMap((d) => [d.id, ...(d.bands ?? []).map((band) => `${d.id}.${band.id}`)]);
    if (!known.includes(id)) {
      throw new RapportError(
        'RAPPORT_SEGMENT_NOT_FOUND',
        `there is no segment "${id}".${didYouMean(id, known)} "rapport segments" lists them`,
      );
    }
    const keys = known.filter((key) => key === id || key.startsWith(`${id}.`));
    const found = (await Promise.all(keys.map((segment) => engine.store.memberships({ segment })))).flat();
    const moves = (
      await Promise.all(keys.map((segment) => engine.store.transitions({ segment, limit: options.limit })))
    ).flat();
    const report: SegmentReport = {
      segment: id,
      total: new Set(found.map(({ subject }) => subject)).size,
      members: found.slice(0, options.limit),
      transitions: moves
        .filter(({ baseline }) => !baseline)
        .sort((a, b) => b.at - a.at)
        .slice(0, options.limit),
    };
    return { json: report, text: segmentText(report), exitCode: exit.ok };
  });
}

const day = (instant: number) => new Date(instant).toISOString().slice(0, 10);

function segmentText({ segment, total, members, transitions }: SegmentReport): string {
  const text = [`${segment}: ${count(total)} members`];
  if (members.length > 0) {
    const rows = members.map((m) => [m.subject, m.segment, day(m.enteredAt), m.reason]);
    text.push('', table(['Member', 'segment', 'since', 'because'], rows));
    if (members.length < total) text.push(`… and ${count(total - members.length)} more (--limit)`);
  }
  if (transitions.length > 0) {
    const rows = transitions.map((t) => [day(t.at), t.change, t.subject, t.segment, t.reason]);
    text.push('', table(['Latest moves', '', 'subject', 'segment', 'because'], rows));
  }
  return text.join('\n');
}
