import { count, defineMetric, last, Type } from '@rapport/sdk';
import { describe, expect, it } from 'vitest';
import { checkMetric } from './index.js';

const metric = defineMetric({
  id: 'events',
  title: '',
  description: '',
  source: '',
  unit: 'count',
  range: [0, null],
  subjects: ['account'],
  config: Type.Object({ least: Type.Number({ default: 0 }) }),
  parts: {},
  measures: () => ({ n: count({}, last('30d')) }),
  compute: ({ n }, { config }) => ({ value: n + config.least }),
});
const options = { runs: 5, stores: [] };

describe('checkMetric', () => {
  it('is content with a metric that keeps its contract', async () => {
    await checkMetric(metric, options);
  });

  it('throws with all that was found, and the world in which it shows', async () => {
    const checked = checkMetric(metric, { ...options, config: { least: -1 } });
    await expect(checked).rejects.toMatchObject({ code: 'RAPPORT_TESTKIT_CONTRACT' });
    await expect(checked).rejects.toThrow(
      /^RAPPORT_TESTKIT_CONTRACT: metric "events" for account "quiet": the value -1 is outside the range 0 … ∞; .* \(RAPPORT_CONFORMANCE_VALUE\)\n {2}in this world: zone UTC, /,
    );
  });

  it('refuses a configuration that does not fit', async () => {
    await expect(checkMetric(metric, { ...options, config: { least: 'x' as never } })).rejects.toThrow(
      /^RAPPORT_TESTKIT_CONFIG/,
    );
  });
});
