import { dateOfDay, trend as trendOf, writtenDay, type Engine, type Trend } from '@rapport/engine';
import { zone as zoneOf } from '@rapport/sdk/time';
import { exit } from '@rapport/errors';
import { sparkline } from '../sparkline.js';
import { count, quantity, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import { signed } from './goals.js';
import type { Outcome, Session } from './outcome.js';
import { inWords, subjectOf, type SubjectOptions } from './subject.js';

export interface TrendCommandOptions extends SubjectOptions {
  readonly from?: string;
  readonly to?: string;
}
const DEFAULT_DAYS = 90;
const LAST = 10;

export async function trend(session: Session, metric: string, options: TrendCommandOptions): Promise<Outcome> {
  const { kind, id } = subjectOf(options, ['account', 'user', 'family']);
  const written = (option: 'from' | 'to') => {
    const text = options[option];
    return text === undefined ? null : writtenDay(text, `--${option}`);
  };
  const [first, last] = [written('from'), written('to')];
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    const to = last ?? (await lastDay(engine, session.io.now()));
    const from = first ?? to - DEFAULT_DAYS + 1;
    const report = await trendOf(engine, { metric, from, to, kind, id });
    return { json: report, text: trendText(report), exitCode: exit.ok };
  });
}

/** Day of the latest run, or of now. */
async function lastDay(engine: Engine, now: number): Promise<number> {
  const run = await engine.store.latestRun();
  return zoneOf(engine.store.zone).dayOf((run?.asOf ?? now) - 1);
}

export function trendText(report: Trend): string {
  const { title, unit, from, to, points, slope } = report;
  const text = [`${title} of ${inWords(report)}, ${from} to ${to}`];
  const first = writtenDay(from, 'from');
  const days = writtenDay(to, 'to') - first + 1;
  const current = points.filter((point) => point.current);
  if (points.length === 0)
    return [
      ...text,
      `No history: "rapport backfill --from ${from} --to ${to}" fills it in. Ids are compared exactly.`,
    ].join('\n');
  const byDay = new Map(current.map(({ day, value }) => [day, value]));
  const line = Array.from({ length: days }, (_, i) => byDay.get(dateOfDay(first + i)) ?? null);
  const known = current.filter((point): point is typeof point & { value: number } => point.value !== null);
  const [least, greatest] = [(a: number, b: number) => a - b, (a: number, b: number) => b - a].map((by) =>
    [...known].sort((a, b) => by(a.value, b.value)).at(0),
  );
  if (least && greatest)
    text.push(
      '',
      sparkline(line, 60),
      `Least ${quantity(least.value, unit)} on ${least.day}, greatest ${quantity(greatest.value, unit)} on ${greatest.day}.`,
    );
  text.push(
    slope.perDay === null
      ? `No slope: it takes two values in the last ${slope.days} days.`
      : `Slope ${signed(slope.perDay, 'ratio')} per day over the last ${slope.days} days (${count(slope.points)} values).`,
  );
  const rows = points
    .slice(-LAST)
    .map(({ day, value, current: comparable, complete }) => [
      day,
      quantity(value, unit),
      [...(complete ? [] : ['the day was not over']), ...(comparable ? [] : ['other version or configuration'])].join(
        ', ',
      ),
    ]);
  text.push('', table(['Day', 'value', ''], rows, [1]));
  const missing = days - points.length;
  if (missing > 0) text.push(`${count(missing)} of ${count(days)} days are not in the history ("rapport backfill").`);
  const others = points.length - current.length;
  if (others > 0)
    text.push(`${count(others)} days are of another version or configuration, and left out of line and slope.`);
  return text.join('\n');
}
