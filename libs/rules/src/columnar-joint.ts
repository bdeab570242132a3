import { wordsOf, type VerdictBits } from './bitset.js';
import { failureLog, newBits, tested, valueIn, type BoundLeaf, type Source } from './columnar-leaf.js';
import type { RuleJoint } from './joint.js';

type OfNumbers = (value: number, other: number) => boolean;

/** Which of two numbers, side by side, are so; without an object for each subject. */
function numbersHold(
  values: Float64Array,
  others: Float64Array,
  start: number,
  count: number,
  test: OfNumbers,
  { holds, unknown }: VerdictBits,
): void {
  const stop = start + count;
  for (let w = 0, i = start; i < stop; w++) {
    const end = Math.min(i + 32, stop);
    let bits = 0;
    for (let b = 0; i < end; i++, b++) bits |= Number(test(values[i] as number, others[i] as number)) << b;
    holds[w] = bits & ~(unknown[w] as number);
  }
}

/** A joint on the facts at hand: the sources of its facts, in their order. What fails is noted in its log or in a source's, and is unknown. */
export function boundJoint({ test, question }: RuleJoint, sources: readonly Source[], size: number): BoundLeaf {
  const log = failureLog(size);
  const [one, other] = sources.map(({ data }) => data);
  const ofNumbers = question.kind === 'pair' ? question.pair.ofNumbers : null;
  if (ofNumbers && one?.kind === 'number' && other?.kind === 'number') {
    const bits = newBits();
    return {
      bits,
      log,
      run(start, count) {
        for (let w = 0; w < wordsOf(count); w++)
          bits.unknown[w] = (one.unknown[w] as number) | (other.unknown[w] as number);
        numbersHold(one.values, other.values, start, count, ofNumbers, bits);
      },
    };
  }
  const reads = sources.map(valueIn);
  return tested(test, (subject, i) => reads.map((read) => read(subject, i)), log);
}
