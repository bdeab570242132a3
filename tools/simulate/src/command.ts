import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import type { Writable } from 'node:stream';
import { simulateBatches, type SimulateOptions, type Truth } from '@rapport/simulate';

const HELP = `simulate: a seeded software company as a stream of Segment calls (NDJSON)

  --events N      calls to make; 1000 or 1e8 (default 500 per account, or 100000)
  --accounts N    customers (default one per 500 events)
  --days N        length of the simulated time (default 365)
  --seed N        the same seed and sizes give the same bytes (default 1)
  --end DATE      first instant after the simulated time, ISO 8601 (default 2025-01-01)
  --out FILE      where the calls go; "-" is stdout (default); compressed when it ends in .gz
  --truth FILE    where the hidden truth goes: health per account and month, and every churn with its cause
  --quiet         no progress on stderr

Exit codes: 0 done, 1 could not write, 2 wrong usage.
`;

class Usage extends Error {}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value)) throw new Usage(`--${name} ${text}: give a whole number, such as 100000 or 1e6`);
  return value;
}

/** Lines to a file or stdout, at the pace the other side takes them. */
function lines(path: string) {
  const target: Writable = path === '-' ? process.stdout : createWriteStream(path);
  const sink: Writable = path.endsWith('.gz') ? createGzip({ level: 4 }) : target;
  if (sink !== target) sink.pipe(target);
  let failure: Error | undefined;
  let wake = (): void => undefined;
  const check = () => {
    if (failure) throw failure;
  };
  for (const stream of new Set([sink, target])) {
    stream.on('error', (error: Error) => {
      failure ??= error;
      wake();
    });
  }
  sink.on('drain', () => {
    wake();
  });
  let text = '';
  const flush = async () => {
    check();
    const chunk = text;
    text = '';
    if (!sink.write(chunk)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (failure) resolve();
      });
    }
    check();
  };
  return {
    add(value: unknown) {
      text += JSON.stringify(value) + '\n';
    },
    full: () => text.length > 65_536,
    flush,
    async close() {
      await flush();
      if (target === process.stdout && sink === target) return;
      const done = target === process.stdout ? finished(sink) : finished(target);
      sink.end();
      await done;
    },
  };
}

/** Writes a simulated company as the options say. Returns the exit code: 0 done, 1 could not write, 2 wrong usage. */
export async function simulateCommand(args: readonly string[]): Promise<number> {
  try {
    return await write(args);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    // The reader of a pipe has seen enough (`| head`).
    if (code === 'EPIPE') return 0;
    const usage = error instanceof Usage || error instanceof RangeError || code.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage ? 'See --help.\n' : ''}`);
    return usage ? 2 : 1;
  }
}

async function write(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string' },
      accounts: { type: 'string' },
      days: { type: 'string' },
      seed: { type: 'string' },
      end: { type: 'string' },
      out: { type: 'string' },
      truth: { type: 'string' },
      quiet: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const end = Date.parse(values.end ?? '2025-01-01');
  if (Number.isNaN(end)) throw new Usage(`--end ${values.end ?? ''}: give a date such as 2025-01-01`);
  const [events, accounts, days] = [
    number('events', values.events),
    number('accounts', values.accounts),
    number('days', values.days),
  ];
  const out = lines(values.out ?? '-');
  const truth = values.truth === undefined ? null : lines(values.truth);
  const options: SimulateOptions = {
    seed: number('seed', values.seed) ?? 1,
    end,
    ...(events === undefined ? {} : { events }),
    ...(accounts === undefined ? {} : { accounts }),
    ...(days === undefined ? {} : { days }),
    ...(truth === null
      ? {}
      : {
          onTruth: (fact: Truth) => {
            truth.add(fact);
          },
        }),
  };
  const began = performance.now();
  let made = 0;
  let reported = 0;
  for (const batch of simulateBatches(options)) {
    for (const call of batch) out.add(call);
    made += batch.length;
    if (out.full()) await out.flush();
    if (truth?.full()) await truth.flush();
    if (!values.quiet && made - reported >= 250_000) {
      reported = made;
      process.stderr.write(
        `${String(made)} events, ${String(Math.round((made / (performance.now() - began)) * 1000))}/s\n`,
      );
    }
  }
  await out.close();
  await truth?.close();
  if (!values.quiet)
    process.stderr.write(`${String(made)} events in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  return 0;
}
