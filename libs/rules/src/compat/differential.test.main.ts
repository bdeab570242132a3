import fc from 'fast-check';
import { cases, compare, type Agreement } from './differential.test.fixture.js';
import { outlivingIt } from './reference.test.fixture.js';

// Other cases each time, unless RAPPORT_SEED says which. The first argument says how many.
const numRuns = Number(process.argv[2] ?? 200_000);
const seed = Number(process.env['RAPPORT_SEED'] ?? Date.now() % 2 ** 31);

const counts: Record<Agreement, number> = { true: 0, false: 0, rejected: 0, circular: 0 };
const start = performance.now();
const property = fc.asyncProperty(cases, async (one) => {
  counts[await compare(one)] += 1;
});
const { value, unhandled } = await outlivingIt(() => fc.check(property, { numRuns, seed }));
const seconds = Math.round((performance.now() - start) / 1000);

process.stdout.write(
  value.failed
    ? `${fc.defaultReportMessage(value) ?? ''}\n${String(value.errorInstance)}\n`
    : `${value.numRuns} rules as in json-rules-engine 7.3.1, seed ${seed}, ${seconds} s: ${counts.true} true, ${counts.false} false, ` +
        `${counts.rejected} rejected by both (${unhandled} of them would have ended the process there), ` +
        `${counts.circular} not asked of it, since it might never answer.\n`,
);
process.exitCode = value.failed ? 1 : 0;
