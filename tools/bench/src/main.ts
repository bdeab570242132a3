import { parseArgs } from 'node:util';
import { benchConcurrent, CONCURRENT_HELP } from './concurrent.js';
import { benchEvaluate, EVALUATE_HELP } from './evaluate.js';
import { benchImport, IMPORT_HELP } from './import.js';
import { benchIncremental, INCREMENTAL_HELP } from './incremental.js';
import { benchOneMore, ONE_MORE_HELP } from './one-more.js';
import { benchRehearsal, REHEARSAL_HELP } from './rehearsal.js';
import { benchRules, RULES_HELP } from './rules.js';
import { size } from './size.js';
import { benchStore, STORE_HELP } from './store.js';

const HELP = `npm run --silent bench -- NAME [options]

${EVALUATE_HELP}
${INCREMENTAL_HELP}
${ONE_MORE_HELP}
${RULES_HELP}
${REHEARSAL_HELP}
${CONCURRENT_HELP}
${IMPORT_HELP}
${STORE_HELP}
Figures go to stdout, progress to stderr. Exit codes: 0 done, 1 failed or numbers differ, 2 wrong usage.
`;

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--help' || name === '-h' || args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  switch (name) {
    case 'evaluate':
      return benchEvaluate(args);
    case 'incremental':
      return benchIncremental(args);
    case 'one-more':
      return benchOneMore(args);
    case 'rules':
      return benchRules(args);
    case 'rehearsal':
      return benchRehearsal(args);
    case 'concurrent':
      return benchConcurrent(args);
    case 'store':
      return benchStore(args);
    case 'import': {
      const options = { events: { type: 'string' }, json: { type: 'boolean' } } as const;
      const { values } = parseArgs({ args: [...args], options });
      await benchImport({ events: size('events', values.events, 1_000_000), json: values.json ?? false });
      return 0;
    }
    default:
      process.stderr.write(
        `${name === undefined ? 'Name a benchmark.' : `There is no benchmark "${name}".`}\n\n${HELP}`,
      );
      return 2;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const usage =
    error instanceof RangeError || String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage ? 'See --help.\n' : ''}`);
  process.exitCode = usage ? 2 : 1;
}
