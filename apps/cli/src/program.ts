import { Command, CommanderError } from 'commander';
import { analysisCommands } from './analysis-commands.js';
import { days, whole } from './argument.js';
import type { AccountOptions } from './command/account.js';
import type { DeliverOptions } from './command/deliver.js';
import type { DemoOptions } from './command/demo.js';
import type { EvaluateCommandOptions } from './command/evaluate.js';
import type { ImportOptions } from './command/import.js';
import type { InitOptions } from './command/init.js';
import type { Action, Outcome, Session } from './command/outcome.js';
import type { ServeOptions } from './command/serve.js';
import { exit } from '@rapport/errors';
import { failureReport } from './failure.js';
import type { Io } from './io.js';
import { dataCommands } from './data-commands.js';
import { rulesCommands } from './rules-commands.js';
import { pluginCommands } from './plugin-commands.js';

interface GlobalOptions {
  readonly json?: true;
  readonly workspace?: string;
}

/*
 * A command's code is loaded when it is its turn: help need not wait for a database driver.
 */

/**
 * Runs one command line and resolves to what the process is to end with. Never throws: what goes wrong is printed, with `--json` as
 * `{"error":{"code","message"}}` on standard output.
 */
export async function rapport(argv: readonly string[], io: Io): Promise<number> {
  const json = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined).includes('--json');
  let exitCode: number = exit.ok;

  const print = async (text: string) => {
    if (!io.stdout.write(`${text}\n`)) await new Promise<void>((resolve) => io.stdout.once('drain', resolve));
  };
  /** Wraps a command: gives it its session, prints what it found out. */
  const action =
    (run: (session: Session, args: readonly unknown[]) => Outcome | Promise<Outcome>) =>
    async (...all: unknown[]) => {
      const command = all.at(-1) as Command;
      const { workspace } = command.optsWithGlobals<GlobalOptions>();
      const say = (line: string) => {
        if (!json) io.stderr.write(`${line}\n`);
      };
      const outcome = await run({ io, json, workspace, say }, all);
      exitCode = outcome.exitCode;
      await print(json ? JSON.stringify(outcome.json, null, 2) : outcome.text);
    };

  const program = commands(action);
  configure(program, io, json);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exit.ok;
      const message = error.message.replace(/^error: /, '');
      if (json)
        await print(
          JSON.stringify(
            {
              error: {
                code: 'RAPPORT_USAGE',
                message: error.code === 'commander.help' ? 'no command is given' : message,
              },
            },
            null,
            2,
          ),
        );
      return exit.usage;
    }
    const { code, message, exitCode: ends } = failureReport(error);
    if (json) await print(JSON.stringify({ error: { code, message } }, null, 2));
    else io.stderr.write(`rapport: ${code}: ${message}\n`);
    if (code === 'RAPPORT_CLI_UNEXPECTED' && io.env.RAPPORT_DEBUG && error instanceof Error)
      io.stderr.write(`${error.stack ?? ''}\n`);
    return ends;
  }
  return exitCode;
}

/** Commander writes where it is told, and throws instead of ending the process; for every command alike. */
function configure(command: Command, io: Io, json: boolean) {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => {
      if (!json) io.stderr.write(text);
    },
  });
  command.configureHelp({ showGlobalOptions: true });
  for (const sub of command.commands) configure(sub, io, json);
}

function commands(action: Action): Command {
  const program = new Command('rapport')
    .description('Turns a product’s event stream into engagement metrics, segments and playbooks.')
    .option('--json', 'print one JSON document on standard output, and nothing else')
    .option('--workspace <dir>', 'folder with rapport.json (default: RAPPORT_WORKSPACE, else the nearest one upward)')
    .showHelpAfterError('("rapport --help" shows the commands, "rapport COMMAND --help" its options and examples)')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  rapport init && rapport import events.ndjson && rapport evaluate
  rapport import examples/ravenstack --data ../shared/data/ravenstack
  rapport evaluate --as-of 2024-12-31
  rapport demo

Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 configuration or workspace, 4 some input was refused or something
was found, 5 store locked or unavailable, 6 not found, 130 interrupted. All of it: docs/cli.md`,
    );

  program
    .command('init')
    .description('write a rapport.json; never overwrites one')
    .argument('[dir]', 'folder of the workspace', '.')
    .option('--time-zone <zone>', 'IANA zone that days are cut in; fixed with the first event', 'UTC')
    .option('--name <name>', 'name of the workspace (default: that of the folder)')
    .addHelpText('after', '\nExample:\n  rapport init acme --time-zone Europe/Berlin')
    .action(
      action(async (session, [dir, options]) =>
        (await import('./command/init.js')).init(session, dir as string, options as InitOptions),
      ),
    );

  program
    .command('import')
    .description(
      'store events: NDJSON files of Segment calls, CSV through a mapping, either of them gzipped; "-" is standard input',
    )
    .argument('<input...>', 'NDJSON files, mapping.json files or folders that hold one, or "-"')
    .option('--data <dir>', 'folder with the CSV files that a mapping reads (default: the mapping’s own)')
    .option('--refused <file>', 'write every refused line to FILE as NDJSON')
    .option('--examples <n>', 'refused lines to show per reason', whole(0, 1000), 5)
    .addHelpText(
      'after',
      `
A second import of the same data changes nothing. A refused line costs itself only; the process then ends with 4.
Without a workspace, a mapping folder that has a rapport.json serves as its template: .rapport/ is made from it.

Examples:
  rapport import events-2024-*.ndjson.gz
  zcat dump.gz | jq -c .payload | rapport import - --refused refused.ndjson
  rapport import examples/ravenstack --data ../shared/data/ravenstack`,
    )
    .action(
      action(async (session, [inputs, options]) =>
        (await import('./command/import.js')).importCalls(session, inputs as string[], options as ImportOptions),
      ),
    );

  program
    .command('evaluate')
    .description('compute all metrics, move segments, queue deliveries; show the portfolio, bands and movers')
    .option(
      '--as-of <date>',
      'see only what had happened by then; a bare date is up to and including that day (default: now)',
    )
    .option('--compare <days>', 'show whose engagement score changed most since so long ago', days, '30d')
    .option('--movers <n>', 'how many of them', whole(0, 10_000), 10)
    .option('--dry-run', 'compute and show, but write nothing', false)
    .addHelpText(
      'after',
      `
A bare date or a time without offset is in the workspace's time zone: "--as-of 2024-12-31" sees all of 31 December,
"--as-of 2024-12-31T00:00" nothing of it.

Examples:
  rapport evaluate
  rapport evaluate --as-of 2024-12-31 --compare 90d
  rapport evaluate --dry-run --json | jq '.portfolio[] | {metric, value}'`,
    )
    .action(
      action(async (session, [options]) =>
        (await import('./command/evaluate.js')).evaluate(session, options as EvaluateCommandOptions),
      ),
    );

  program
    .command('account')
    .description('one account: traits, every metric with its parts, goals, segments and moves')
    .argument('<id>')
    .option('--verbatims', 'show the comments behind survey values as well', false)
    .addHelpText('after', '\nExamples:\n  rapport account A-2e4581\n  rapport account A-2e4581 --verbatims')
    .action(
      action(async (session, [id, options]) =>
        (await import('./command/account.js')).account(session, id as string, options as AccountOptions),
      ),
    );

  analysisCommands(program, action);

  program
    .command('segments')
    .description('segments and bands with their sizes, or the members of one')
    .argument('[id]', 'a segment (engagement-bands) or a band (engagement-bands.dormant)')
    .option('--limit <n>', 'members and moves to show', whole(1, 1_000_000), 50)
    .addHelpText('after', '\nExamples:\n  rapport segments\n  rapport segments engagement-bands.power-user --json')
    .action(
      action(async (session, [id, options]) =>
        (await import('./command/segments.js')).segments(
          session,
          id as string | undefined,
          options as { limit: number },
        ),
      ),
    );

  program
    .command('plugins')
    .description('plugins that are loaded, and those refused with the reason')
    .addHelpText('after', '\nExample:\n  rapport plugins')
    .action(action(async (session) => (await import('./command/plugins.js')).plugins(session)));

  dataCommands(program, action);
  rulesCommands(program, action);
  pluginCommands(program, action);

  program
    .command('doctor')
    .description('check configuration, store, data, plugins, last run, outbox and disk')
    .addHelpText(
      'after',
      '\nEnds with the exit code of the first fault; warnings end with 0.\n\nExample:\n  rapport doctor --json',
    )
    .action(action(async (session) => (await import('./command/doctor.js')).doctor(session)));

  program
    .command('deliver')
    .description('send what is due in the outbox')
    .option('--replay <key...>', 'try these parked deliveries again')
    .addHelpText('after', '\nExample:\n  rapport evaluate && rapport deliver')
    .action(
      action(async (session, [options]) =>
        (await import('./command/deliver.js')).deliver(session, options as DeliverOptions),
      ),
    );

  program
    .command('serve')
    .description('serve the HTTP API until Ctrl-C')
    .option('--port <n>', 'port; 0 takes a free one (default: http.port of rapport.json)', whole(0, 65_535))
    .option('--host <address>', 'address to listen on (default: http.host of rapport.json)')
    .addHelpText('after', '\nExample:\n  rapport serve --port 8080')
    .action(
      action(async (session, [options]) =>
        (await import('./command/serve.js')).serve(session, options as ServeOptions),
      ),
    );

  program
    .command('demo')
    .description('a simulated company: imported, evaluated, shown and served')
    .option('--accounts <n>', 'accounts', whole(1, 100_000), 200)
    .option('--events <n>', 'events', whole(1, 100_000_000), 100_000)
    .option('--seed <n>', 'the same seed gives the same company', whole(0, 4_294_967_295), 1)
    .option('--port <n>', 'port; 0 takes a free one', whole(0, 65_535))
    .option('--once', 'end after printing, and leave nothing behind', false)
    .addHelpText('after', '\nExamples:\n  rapport demo\n  rapport demo --once --json')
    .action(
      action(async (session, [options]) => (await import('./command/demo.js')).demo(session, options as DemoOptions)),
    );

  return program;
}
