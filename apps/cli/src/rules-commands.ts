import type { Command } from 'commander';
import { days, whole } from './argument.js';
import type { Action } from './command/outcome.js';
import type {
  RulesBacktestOptions,
  RulesChangeOptions,
  RulesExplainOptions,
  RulesPreviewOptions,
  RulesSchemaOptions,
  RulesVerifyOptions,
} from './command/rules.js';

/** The commands for those who write rules. */
export function rulesCommands(program: Command, action: Action): void {
  const rules = program
    .command('rules')
    .description(
      'segments and playbooks: look them over, test, preview, backtest and explain them before they are in force',
    )
    .helpCommand(false)
    .addHelpText(
      'after',
      `
A RULE is a JSON file, or the id of a segment or playbook that is in force. Files in the folder rules/ of the workspace are in force at the next run;
others are published, with an author and a reason. Only publish, approve, rollback and retire change what is in force.

Examples:
  rapport rules lint rules/*.json
  rapport rules preview rules/renewal-watch.json
  rapport rules backtest churn-risk --days 90 --horizon 60d --bands high`,
    );
  const load = () => import('./command/rules.js');

  rules
    .command('list')
    .description('documents in force, with their versions and where they come from')
    .action(action(async (session) => (await load()).listRules(session)));

  rules
    .command('lint')
    .description(
      'what keeps a rule from being in force, and what is odd about it, each with an example; ends with 4 on errors',
    )
    .argument('<rule...>')
    .action(action(async (session, [given]) => (await load()).lintRules(session, given as string[])));

  rules
    .command('test')
    .description('run the tests that rules carry, and show which conditions no test tries; ends with 4 when one fails')
    .argument('<rule...>')
    .action(action(async (session, [given]) => (await load()).testRules(session, given as string[])));

  rules
    .command('schema')
    .description('write JSON Schemas for editors: facts, operators and values that there are in this workspace')
    .option('--out <dir>', 'folder to write them into (default: rules/schemas of the workspace)')
    .action(action(async (session, [options]) => (await load()).writeSchemas(session, options as RulesSchemaOptions)));

  rules
    .command('explain')
    .description('why an account or user is, or is not, where a rule puts it, now or as of then')
    .argument('<rule>')
    .argument('<subject>', 'id of the account or user')
    .option('--as-of <date>', 'as of then (default: the latest run, else now)')
    .addHelpText('after', '\nExample:\n  rapport rules explain engagement-bands A-2e4581 --as-of 2024-06-30')
    .action(
      action(async (session, [rule, subject, options]) =>
        (await load()).explainOne(session, rule as string, subject as string, options as RulesExplainOptions),
      ),
    );

  rules
    .command('preview')
    .description(
      'who would enter, leave and stay, and which playbooks would fire, were the rule in force; writes nothing',
    )
    .argument('<rule>')
    .option('--as-of <date>', 'as of then, from the events (default: what the latest run found)')
    .option('--samples <n>', 'subjects to name per segment and direction', whole(0, 10_000), 5)
    .addHelpText('after', '\nExample:\n  rapport rules preview rules/renewal-watch.json')
    .action(
      action(async (session, [rule, options]) =>
        (await load()).previewRule(session, rule as string, options as RulesPreviewOptions),
      ),
    );

  rules
    .command('backtest')
    .description(
      'what a rule would have done on each of the last days, and how well it foretold what happened; writes nothing',
    )
    .argument('<rule>')
    .option('--days <n>', 'days to go back', whole(1, 400), 90)
    .option('--outcome <what>', 'churn, renewal, or the name of an event', 'churn')
    .option('--horizon <days>', 'time within which an entry should be followed by the outcome', days, '30d')
    .option('--bands <ids>', 'bands whose entries count as warnings, separated by commas (default: all)')
    .option('--as-of <date>', 'last day (default: that of the latest run)')
    .addHelpText(
      'after',
      '\nExample:\n  rapport rules backtest engagement-bands --bands dormant,disengaged --horizon 60d',
    )
    .action(
      action(async (session, [rule, options]) =>
        (await load()).backtestRule(session, rule as string, options as RulesBacktestOptions),
      ),
    );

  rules
    .command('verify')
    .description(
      'put the rules in force to json-rules-engine itself, on today’s facts, and name each verdict that differs; ends with 4 when one does',
    )
    .argument('[rule...]', 'ids of segments or playbooks (default: all)')
    .option('--subjects <n>', 'accounts, and users, evenly spread over all (default: all)', whole(1, 10_000_000))
    .option('--as-of <date>', 'as of then, from the events (default: what the latest run found)')
    .option('--timeout <seconds>', 'what is not compared by then is left out', whole(1, 86_400), 600)
    .addHelpText(
      'after',
      `
Rules of "compat" documents must agree on everybody. Those of "strict" documents are compared where json-rules-engine has the same words, on
those whose facts are all known: it takes what is missing for false.

Examples:
  rapport rules verify
  rapport rules verify legacy-risk --subjects 1000`,
    )
    .action(
      action(async (session, [given, options]) =>
        (await load()).verifyRules(session, given as string[], options as RulesVerifyOptions),
      ),
    );

  rules
    .command('diff')
    .description('where a rule differs from the one of its id that is in force, or from another file')
    .argument('<rule>')
    .argument('[other]', 'what to compare with (default: the one in force)')
    .action(
      action(async (session, [rule, other]) =>
        (await load()).diffRules(session, rule as string, other as string | undefined),
      ),
    );

  const change = (command: Command): Command =>
    command
      .requiredOption('--author <name>', 'who changes it; kept with the version')
      .requiredOption('--reason <text>', 'why; kept with the version')
      .option(
        '--after <n>',
        'number of the latest version that you have seen, 0 for none (default: the latest)',
        whole(0, 1_000_000),
      );

  rules
    .command('versions')
    .description('versions of the rules that the workspace keeps: who, when, why')
    .argument('[rule]', 'id (default: all)')
    .action(action(async (session, [id]) => (await load()).ruleVersions(session, id as string | undefined)));

  change(
    rules
      .command('publish')
      .description('bring a rule into force; one that moves many subjects waits for somebody else’s approval')
      .argument('<rule>', 'a JSON file'),
  )
    .addHelpText(
      'after',
      `
Versions are kept in the store and never changed. rules.approvalShare of rapport.json is the share of all subjects that a publish may move
by itself (default 0.2).

Example:
  rapport rules publish renewal-watch.json --author ann --reason "renewals were seen too late"`,
    )
    .action(
      action(async (session, [rule, options]) =>
        (await load()).publishRule(session, rule as string, options as RulesChangeOptions),
      ),
    );

  for (const [verb, description] of [
    ['approve', 'bring a proposed version into force; not for its author'],
    ['rollback', 'bring back a version that was in force before'],
  ] as const)
    change(
      rules
        .command(verb)
        .description(description)
        .argument('<rule>', 'id')
        .argument('<number>', 'number of the version', whole(1, 1_000_000)),
    ).action(
      action(async (session, [id, number, options]) =>
        (await load()).bringBack(session, verb, id as string, number as number, options as RulesChangeOptions),
      ),
    );

  change(rules.command('retire').description('take a rule out of force').argument('<rule>', 'id')).action(
    action(async (session, [id, options]) =>
      (await load()).retireRule(session, id as string, options as RulesChangeOptions),
    ),
  );
}
