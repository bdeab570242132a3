import type { Command } from 'commander';
import { whole } from './argument.js';
import type { DevOptions } from './command/dev.js';
import type { Action } from './command/outcome.js';
import type { PluginCheckOptions } from './command/plugin-check.js';
import type { PluginNewOptions } from './command/plugin-new.js';

/** The commands for those who write plugins. */
export function pluginCommands(program: Command, action: Action): void {
  program
    .command('dev')
    .description('show what a plugin makes of its sample, again whenever a file is saved')
    .argument('[dir]', 'folder of the plugin package', '.')
    .option('--once', 'look once, and end with 4 when something is wrong', false)
    .option('--sample <dir>', 'folder with rapport.json, *.ndjson and rules/ (default: sample/ in the package)')
    .option('--as-of <date>', 'instant to evaluate (default: the end of the last day that has an event)')
    .option('--subject <id...>', 'accounts and users to show (default: the first five of each)')
    .addHelpText(
      'after',
      `
Builds with the TypeScript that the package has installed, loads the plugin afresh and prints what changed: a metric's values with
reason and parts, who is in a segment and why, what a playbook would deliver, and, in a dry run that reaches nobody, what an action
would send. What does not compile or load is told with its place, and the loop goes on. Without sample/ a simulated company stands in.

Examples:
  rapport dev
  rapport dev plugins/reports-shared --subject acme ann
  rapport dev --once --json`,
    )
    .action(
      action(async (session, [dir, options]) =>
        (await import('./command/dev.js')).dev(session, dir as string, options as DevOptions),
      ),
    );

  const plugin = program.command('plugin').description('write a plugin, or look one over').helpCommand(false);

  plugin
    .command('new')
    .description('write a plugin package that builds and passes its tests; never overwrites one')
    .argument('<kind>', 'metric, segment, playbook, action or operator')
    .argument('<id>', 'lower-case words with dashes')
    .option('--dir <dir>', 'folder to write it into (default: the id)')
    .option('--name <package>', 'name of the package (default: rapport-KIND-ID)')
    .addHelpText('after', '\nExample:\n  rapport plugin new metric reports-shared --name @acme/metric-reports-shared')
    .action(
      action(async (session, [kind, id, options]) =>
        (await import('./command/plugin-new.js')).newPlugin(
          session,
          kind as string,
          id as string,
          options as PluginNewOptions,
        ),
      ),
    );

  plugin
    .command('migrate')
    .description('bring a plugin package written for SDK 1 to SDK 2, and say what is left to do by hand')
    .argument('[dir]', 'folder of the plugin package', '.')
    .addHelpText('after', '\nWrites into its files; commit before. Then: npm install, and type-check.')
    .action(
      action(async (session, [dir]) =>
        (await import('./command/plugin-migrate.js')).migratePlugin(session, dir as string),
      ),
    );

  plugin
    .command('check')
    .description('look plugin packages over: manifest, code, schemas, documents and their tests, README, conformance')
    .argument('[dir...]', 'folders of plugin packages, built (default: this one)')
    .option('--runs <n>', 'random worlds to try a metric in; 0 for none', whole(0, 10_000), 50)
    .addHelpText(
      'after',
      `
A metric is tried on DuckDB too, and on MongoDB where MONGODB_URI is set. Ends with 4 when there is something to put right.

Examples:
  rapport plugin check
  rapport plugin check plugins/* --json | jq '.plugins[] | select(.findings != [])'`,
    )
    .action(
      action(async (session, [dirs, options]) => {
        const given = dirs as string[];
        const { checkPlugin } = await import('./command/plugin-check.js');
        return checkPlugin(session, given.length > 0 ? given : ['.'], options as PluginCheckOptions);
      }),
    );
}
