import { backfill, writtenDay, type BackfillReport, type HistoryKind } from '@rapport/engine';
import { didYouMean } from '../closest.js';
import { exit, RapportError } from '@rapport/errors';
import { progress } from '../progress.js';
import { count } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export interface BackfillCommandOptions {
  readonly from: string;
  readonly to: string;
  readonly metrics?: string;
  readonly levels: string;
  readonly force: boolean;
}
const KINDS: readonly HistoryKind[] = ['account', 'user', 'family', 'portfolio'];

export async function backfillHistory(session: Session, options: BackfillCommandOptions): Promise<Outcome> {
  const { io } = session;
  const [from, to] = [writtenDay(options.from, '--from'), writtenDay(options.to, '--to')];
  const levels = names(options.levels).map((level) => {
    const kind = KINDS.find((known) => known === level);
    if (kind) return kind;
    const wrong = `--levels: there is no level "${level}".${didYouMean(level, KINDS)} There are ${KINDS.join(', ')}`;
    throw new RapportError('RAPPORT_USAGE', wrong);
  });
  return withWorkspace(requireWorkspace(io, session.workspace), async ({ engine }) => {
    const bar = progress(io, to - from + 1, { quiet: session.json, unit: 'days' });
    try {
      const report = await backfill(engine, {
        from,
        to,
        now: io.now(),
        levels,
        force: options.force,
        signal: io.signal,
        ...(options.metrics === undefined ? {} : { metrics: names(options.metrics) }),
        onProgress: ({ done }) => bar.update(done, done),
      });
      return { json: report, text: backfillText(report), exitCode: report.left > 0 ? exit.interrupted : exit.ok };
    } finally {
      bar.stop();
    }
  });
}

const names = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

function backfillText({ from, to, metrics, levels, evaluated, skipped, left, failures }: BackfillReport): string {
  const text = [
    `${from} to ${to}, ${count(metrics.length)} metrics of ${levels.join(', ')}: ${count(evaluated)} days evaluated, ${count(skipped)} were there already.`,
  ];
  if (left > 0) text.push(`Interrupted: ${count(left)} days are left; the same command goes on.`);
  for (const { metric, code, message } of failures) text.push(`${metric}: ${code} ${message}`);
  return text.join('\n');
}
