import { parseArgs } from 'node:util';
import { median, progress } from './progress.js';
import { round, size } from './size.js';
import { step } from './step.js';

export const INCREMENTAL_HELP = `incremental [--events N] [--accounts M] [--portfolio] [--json]
  Evaluates again on the same day after new events for 1 % of the accounts, and compares with evaluating everything anew; fails when
  any result differs. Of 2,000,000 events unless told otherwise, 100 for each account. With --portfolio, the whole portfolio too, which is always evaluated anew.
`;

/** The `incremental` benchmark. Exit code: 0, or 1 when a result differs from that of a full evaluation. */
export async function benchIncremental(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string' },
      accounts: { type: 'string' },
      portfolio: { type: 'boolean' },
      json: { type: 'boolean' },
    },
  });
  const events = size('events', values.events, 2_000_000);
  const accounts = size('accounts', values.accounts, Math.max(1, Math.round(events / 100)));
  const company = await step('company', { events, accounts });
  const levels = [{ kind: 'account' } as const, ...(values.portfolio ? [{ kind: 'portfolio' } as const] : [])];
  const timed = await step('timeAgain', { ...company, levels, share: 0.01 });
  if (timed.wrong.length > 0) {
    progress(`differs from a full evaluation: ${timed.wrong.join(', ')}`);
    return 1;
  }
  const [seconds, fullSeconds] = [median(timed.again), median(timed.anew)];
  const figures = {
    accounts: timed.accounts,
    changedAccounts: timed.changed,
    fullSeconds: round(fullSeconds, 3),
    seconds: round(seconds, 3),
    ratio: round(seconds / fullSeconds, 3),
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(figures)}\n`
      : `${figures.changedAccounts} of ${figures.accounts} accounts changed: evaluated again in ${figures.seconds} s, anew in ${figures.fullSeconds} s (ratio ${figures.ratio}); all results equal\n`,
  );
  return 0;
}
