import { attribute, type Attribution, type AttributionEnd, type AttributionMoment } from '@rapport/engine';
import { addDays, zone as zoneOf } from '@rapport/sdk/time';
import { asOfInstant, describeAsOf } from '../as-of.js';
import { exit } from '@rapport/errors';
import { quantity, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import { signed } from './goals.js';
import type { Outcome, Session } from './outcome.js';
import { inWords, subjectOf } from './subject.js';

export interface ExplainScoreOptions {
  readonly account?: string;
  readonly user?: string;
  readonly from?: string;
  readonly to?: string;
}
const DEFAULT_DAYS = 30;
const RUNS = 100_000;

export async function explainScore(session: Session, metric: string, options: ExplainScoreOptions): Promise<Outcome> {
  const { kind, id } = subjectOf(options, ['account', 'user']);
  // A slip of the pen is told before anything is opened.
  for (const [name, text] of [
    ['--from', options.from],
    ['--to', options.to],
  ] as const)
    if (text !== undefined) momentOf(text, 'UTC', name);
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    const { zone } = engine.store;
    const latest = await engine.store.latestRun();
    const to: AttributionMoment =
      options.to === undefined
        ? latest
          ? { run: latest.number }
          : session.io.now()
        : momentOf(options.to, zone, '--to');
    const runs = typeof to === 'number' ? [] : await engine.store.runs(RUNS);
    const end = typeof to === 'number' ? to : (runs.find(({ number }) => number === to.run)?.asOf ?? 0);
    const from =
      options.from === undefined ? addDays(end, -DEFAULT_DAYS, zoneOf(zone)) : momentOf(options.from, zone, '--from');
    const found = await attribute(engine, { metric, kind, id, from, to });
    return { json: found, text: attributionText(found, zone), exitCode: exit.ok };
  });
}

/** `run:7`, a date (up to and including that day), or an instant. Throws `RAPPORT_USAGE`. */
function momentOf(text: string, zone: string, option: string): AttributionMoment {
  const run = /^run:(\d{1,15})$/.exec(text);
  return run ? { run: Number(run[1]) } : asOfInstant(text, zone, option);
}

const NAMES: Readonly<Record<string, string>> = {
  data: 'data',
  configuration: 'configuration',
  version: 'version',
  lateData: 'late data',
};
const named = (effects: readonly string[]) => effects.map((effect) => NAMES[effect] ?? effect).join(' and ');

export function attributionText(found: Attribution, zone: string): string {
  const { title, unit, from, to, change, effects, steps, notes } = found;
  const end = ({ value, reason, run, asOf, version }: AttributionEnd) => [
    `as of ${describeAsOf(Date.parse(asOf), zone)}`,
    quantity(value, unit),
    reason ?? '',
    run === null ? 'evaluated now' : `run ${run}`,
    version,
  ];
  const text = [
    `${title} of ${inWords(found)}: ${change === null ? 'no change to break down' : signed(change, unit)}`,
    '',
    table(['', 'value', '', '', ''], [end(from), end(to)], [1]),
  ];
  if (effects)
    text.push(
      '',
      table(
        ['Because of', 'change'],
        Object.entries(effects).map(([effect, by]) => [named(effect.split('+')), signed(by, unit)]),
        [1],
      ),
    );
  for (const { effects: because, change: by, contributions } of steps) {
    if (by === 0 && (contributions ?? []).length === 0) continue;
    text.push(
      '',
      contributions === null
        ? `By ${named(because)}: ${signed(by, unit)}, which cannot be broken down: one of the two results has no contributions.`
        : table(
            [`By ${named(because)}`, 'before', 'after', 'change'],
            contributions.map((part) => [
              part.name,
              quantity(part.before, unit),
              quantity(part.after, unit),
              signed(part.change, unit),
            ]),
            [1, 2, 3],
          ),
    );
  }
  for (const note of notes) text.push('', `Note: ${note}`);
  return text.join('\n');
}
