import type { Command } from 'commander';
import type { EraseOptions } from './command/erase.js';
import type { Action } from './command/outcome.js';
import type { StorePruneOptions } from './command/store-prune.js';
import type { SubjectOptions } from './command/subject.js';

/** The commands about what is kept: of one subject, and for how long. */
export function dataCommands(program: Command, action: Action): void {
  program
    .command('erase')
    .description('forget an account or a user: events, traits, results, history, memberships, deliveries')
    .option('--account <id>', 'this account')
    .option('--user <id>', 'this user')
    .option('--yes', 'do not ask', false)
    .addHelpText('after', '\nExamples:\n  rapport erase --user u-17\n  rapport erase --account A-2e4581 --yes --json')
    .action(
      action(async (session, [options]) =>
        (await import('./command/erase.js')).erase(session, options as EraseOptions),
      ),
    );

  program
    .command('export')
    .description('all that is held of an account or a user, a line of JSON for each thing')
    .option('--account <id>', 'this account')
    .option('--user <id>', 'this user')
    .addHelpText('after', '\nExample:\n  rapport export --user u-17 > u-17.ndjson')
    .action(
      action(async (session, [options]) =>
        (await import('./command/export.js')).exportSubject(session, options as SubjectOptions),
      ),
    );

  const store = program
    .command('store')
    .description('what is in the store')
    .addHelpText('after', '\nExample:\n  rapport store prune --dry-run');
  store
    .command('prune')
    .description('remove runs, transitions and deliveries that "retention" of rapport.json lets go')
    .option('--dry-run', 'only say what would go', false)
    .addHelpText('after', '\nExample:\n  rapport store prune --dry-run')
    .action(
      action(async (session, [options]) =>
        (await import('./command/store-prune.js')).storePrune(session, options as StorePruneOptions),
      ),
    );
}
