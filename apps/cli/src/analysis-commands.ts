import { type Command } from 'commander';
import { period, whole } from './argument.js';
import type { BackfillCommandOptions } from './command/backfill.js';
import type { CohortsOptions } from './command/cohorts.js';
import type { ExplainScoreOptions } from './command/explain-score.js';
import type { Action } from './command/outcome.js';
import type { TrendCommandOptions } from './command/trend.js';

/** The commands that look at how things develop: goals, trends, backfill, cohorts, and why a score changed. */
export function analysisCommands(program: Command, action: Action): void {
  program
    .command('goals')
    .description('how far the goals of rapport.json are, by the latest run')
    .addHelpText('after', '\nExample:\n  rapport goals --json')
    .action(action(async (session) => (await import('./command/goals.js')).goals(session)));

  program
    .command('trend')
    .description('the daily history of a metric, with its slope')
    .argument('<metric>')
    .option('--account <id>', 'of this account (default: of the portfolio)')
    .option('--user <id>', 'of this user')
    .option('--family <id>', 'of this account with all its descendants')
    .option('--from <day>', 'first day (default: 89 days before the last)')
    .option('--to <day>', 'last day (default: that of the latest run)')
    .addHelpText(
      'after',
      `
Every run adds its day; "rapport backfill" fills in days of the past.

Examples:
  rapport trend nps
  rapport trend engagement-score --account A-2e4581 --from 2024-01-01 --to 2024-12-31`,
    )
    .action(
      action(async (session, [metric, options]) =>
        (await import('./command/trend.js')).trend(session, metric as string, options as TrendCommandOptions),
      ),
    );

  program
    .command('backfill')
    .description('fill in the daily history of metrics; goes on where it ended')
    .requiredOption('--from <day>', 'first day')
    .requiredOption('--to <day>', 'last day; it must be over')
    .option('--metrics <ids>', 'only these, separated by commas (default: all)')
    .option('--levels <levels>', 'of account, user, family and portfolio, separated by commas', 'account,portfolio')
    .option('--force', 'evaluate also days that are there already: events may have come late', false)
    .addHelpText(
      'after',
      `
Each day is evaluated as of its end. A day that has all metrics with the version and configuration that they have now is left
alone, so that it may be interrupted, or killed, and run again.

Example:
  rapport backfill --from 2024-01-01 --to 2024-12-31 --metrics nps,engagement-score`,
    )
    .action(
      action(async (session, [options]) =>
        (await import('./command/backfill.js')).backfillHistory(session, options as BackfillCommandOptions),
      ),
    );

  program
    .command('cohorts')
    .description('a metric by month of life, for cohorts of accounts by signup period or trait')
    .argument('<metric>')
    .option('--by <what>', 'month, quarter, week, or trait:NAME', period, 'month')
    .option('--ages <n>', 'months of life, of 30 days', whole(1, 120), 6)
    .option('--compare <first,second>', 'how much higher the second cohort is than the first at the same age')
    .option(
      '--since <trait>',
      'trait with the instant at which life begins (default: signupTrait of rapport.json, else signupAt)',
    )
    .option('--users', 'of users', false)
    .option('--as-of <date>', 'as known by then (default: the latest run, else now)')
    .addHelpText(
      'after',
      `
Examples:
  rapport cohorts engagement-score --by quarter
  rapport cohorts usage-frequency --by quarter --compare 2024-Q3,2024-Q4
  rapport cohorts feature-adoption --by trait:plan --ages 12`,
    )
    .action(
      action(async (session, [metric, options]) =>
        (await import('./command/cohorts.js')).cohortTable(session, metric as string, options as CohortsOptions),
      ),
    );

  program
    .command('explain-score')
    .description('why a score changed: data, configuration, version; each by what the score is made of')
    .argument('<metric>', 'a score that is made of contributions')
    .option('--account <id>', 'of this account (default: of the portfolio)')
    .option('--user <id>', 'of this user')
    .option('--from <moment>', 'a date, an instant, or run:NUMBER (default: 30 days before --to)')
    .option('--to <moment>', 'likewise (default: the latest run, else now)')
    .addHelpText(
      'after',
      `
For a date or an instant, the latest run of that day counts; without one, it is evaluated now.

Examples:
  rapport explain-score engagement-score --account A-2e4581
  rapport explain-score customer-engagement-score --account A-2e4581 --from 2024-06-30 --to 2024-12-31
  rapport explain-score engagement-score --account A-2e4581 --from run:3 --to run:7`,
    )
    .action(
      action(async (session, [metric, options]) =>
        (await import('./command/explain-score.js')).explainScore(
          session,
          metric as string,
          options as ExplainScoreOptions,
        ),
      ),
    );
}
