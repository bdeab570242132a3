import { parseArgs } from 'node:util';
import { median } from './progress.js';
import { round, size } from './size.js';
import { step } from './step.js';

export const REHEARSAL_HELP = `rehearsal [--accounts N] [--backtest-accounts M] [--json]
  A preview of a changed rule over N accounts (default 100000) after a run, and a 90-day backtest of M accounts (default 10000).
`;

/** The `rehearsal` benchmark. */
export async function benchRehearsal(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { accounts: { type: 'string' }, 'backtest-accounts': { type: 'string' }, json: { type: 'boolean' } },
  });
  const accounts = size('accounts', values.accounts, 100_000);
  const backtestAccounts = size('backtest-accounts', values['backtest-accounts'], 10_000);
  const previews = await step('timePreviews', { accounts, events: 2 });
  const figures = {
    accounts,
    previewSeconds: round(median(previews), 2),
    backtestAccounts,
    backtestSeconds: round(await step('timeBacktest', { accounts: backtestAccounts, events: 50 }), 1),
  };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(figures)}\n`
      : `preview of ${String(accounts)} accounts in ${String(figures.previewSeconds)} s; 90 days of ${String(backtestAccounts)} accounts in ${String(figures.backtestSeconds)} s\n`,
  );
  return 0;
}
