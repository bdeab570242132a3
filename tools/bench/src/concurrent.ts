import { parseArgs } from 'node:util';
import type { Company, CompanySize } from './company.js';
import type { Concurrent, Found } from './concurrent-step.js';
import { median, progress } from './progress.js';
import { round, size } from './size.js';
import { step } from './step.js';

export const CONCURRENT_HELP = `concurrent [--events N] [--accounts M] [--deliveries D] [--answer-ms A] [--delivery-ms L] [--json]
  Four evaluations at once, again and again, while D deliveries (200) go to a receiver that answers after A ms (350); an attempt may take
  L ms (5000). Fails when a value differs from that of the same evaluations one after the other, when a metric or an attempt runs out of time, or
  when the receiver sees a delivery twice. Of 200,000 events unless told otherwise, 500 for each account.
`;

type Load = CompanySize & Omit<Concurrent, keyof Company>;
const inItsProcess = async ({ events, accounts, ...load }: Load): Promise<Found> =>
  step('concurrently', { ...(await step('company', { events, accounts })), ...load });

/** The `concurrent` benchmark: prints `{"wrong","timeouts","duplicates","slowdown"}`. Exit code: 0, or 1 when one of the first three is not 0. */
export async function benchConcurrent(args: readonly string[], measure = inItsProcess): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: text,
      accounts: text,
      deliveries: text,
      'answer-ms': text,
      'delivery-ms': text,
      json: { type: 'boolean' },
    },
  });
  const events = size('events', values.events, 200_000);
  const accounts = size('accounts', values.accounts, Math.max(1, Math.round(events / 500)));
  const { wrong, timeouts, duplicates, atOnce, inTurn } = await measure({
    events,
    accounts,
    deliveries: size('deliveries', values.deliveries, 200),
    answerMs: size('answer-ms', values['answer-ms'], 350),
    deliveryMs: size('delivery-ms', values['delivery-ms'], 5000),
  });
  const [seconds, secondsInTurn] = [median(atOnce), median(inTurn)];
  progress(
    `four at once in ${seconds.toFixed(2)} s (${String(atOnce.length)} rounds), one after the other in ${secondsInTurn.toFixed(2)} s`,
  );
  const figures = { wrong, timeouts, duplicates, slowdown: round(seconds / secondsInTurn, 2) };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(figures)}\n`
      : `${String(wrong)} wrong values, ${String(timeouts)} timeouts, ${String(duplicates)} duplicates; four at once take ${String(figures.slowdown)} × the time of one after the other\n`,
  );
  return wrong + timeouts + duplicates === 0 ? 0 : 1;
}
