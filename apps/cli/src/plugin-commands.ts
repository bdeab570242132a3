import type { Command } from 'commander';
import { whole } from './argument.js';
import type { Action } from './command/outcome.js';
import type { PluginCheckOptions } from './command/plugin-check.js';
import type { PluginNewOptions } from './command/plugin-new.js';

/** The commands for those who write plugins. */
export function pluginCommands(program: Command, action: Action): void {
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
