import { parseArgs } from 'node:util';
import { median } from './progress.js';
import { round, size } from './size.js';
import { step } from './step.js';

export const ONE_MORE_HELP = `one-more [--events N] [--accounts M] [--json]
  What one more metric costs whose measures others need already: evaluates the catalogue without and with it.
`;

/** The `one-more` benchmark. */
export async function benchOneMore(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { events: { type: 'string' }, accounts: { type: 'string' }, json: { type: 'boolean' } },
  });
  const events = size('events', values.events, 1_000_000);
  const accounts = size('accounts', values.accounts, Math.max(1, Math.round(events / 500)));
  const { metrics, base, more } = await step('timeOneMore', await step('company', { events, accounts }));
  const [seconds, secondsWith] = [median(base), median(more)];
  const figures = {
    metrics,
    seconds: round(seconds, 4),
    secondsWithOneMore: round(secondsWith, 4),
    share: round(secondsWith / seconds - 1, 4),
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(figures)}\n`
      : `${figures.metrics} metrics in ${figures.seconds} s, one more in ${figures.secondsWithOneMore} s (${(100 * figures.share).toFixed(1)} % more)\n`,
  );
  return 0;
}
