import { benchEvaluate, EVALUATE_HELP } from './evaluate.js';

const HELP = `npm run --silent bench -- NAME [options]

${EVALUATE_HELP}
import [--events N] [--json]
  Events per second from NDJSON to disk, next to the bare appender.

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
