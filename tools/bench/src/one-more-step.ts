import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWorkspace } from '@rapport/host';
import type { Company } from './company.js';
import { progress } from './progress.js';

const LEVELS = [{ kind: 'account' }] as const;
const ROUNDS = 15;

/** Events per active user in 30 days: both measures are there already, for other metrics. */
const code = `const window = { kind: 'last', days: 30 };
export default {
  kind: 'metric', id: 'one-more', title: 'One more', description: 'Events per active user.', source: 'bench',
  unit: 'ratio', range: [0, null], subjects: ['account'], config: { type: 'object', properties: {} }, parts: {},
  measures: () => ({ events: { node: 'count', filter: {}, window }, users: { node: 'distinct', of: 'user', filter: {}, window } }),
  compute: ({ events, users }) => (users === 0 ? { noData: 'no-data' } : { value: events / users, n: users }),
};
`;

/** Evaluates without and with one more metric, in turns. */
export async function timeOneMore({ folder, asOf }: Company) {
  const scratch = await mkdtemp(join(tmpdir(), 'rapport-bench-'));
  try {
    const plugin = join(scratch, 'one-more');
    await mkdir(plugin);
    await writeFile(join(plugin, 'index.js'), code);
    await writeFile(
      join(plugin, 'package.json'),
      JSON.stringify({
        name: 'rapport-metric-one-more',
        version: '1.0.0',
        type: 'module',
        main: 'index.js',
        keywords: ['rapport-plugin'],
        rapport: { kind: 'metric', id: 'one-more', sdk: '^2.0.0' },
      }),
    );
    const workspace = await openWorkspace(folder, { pluginDirs: [plugin] });
    const { engine } = workspace;
    const all = engine.plugins.flatMap((each) => (each.kind === 'metric' ? [each.definition.id] : []));
    if (!all.includes('one-more')) throw new Error(`the metric was refused: ${engine.refused[0]?.message ?? ''}`);
    const without = all.filter((id) => id !== 'one-more');
    const timed = async (metrics: readonly string[]) => {
      const began = performance.now();
      await engine.evaluate({ asOf, levels: LEVELS, metrics, full: true, derived: [] });
      return (performance.now() - began) / 1000;
    };
    await timed(all);
    await timed(without);
    const base: number[] = [];
    const more: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // Who goes first changes, so that neither has the other's warmth.
      if (round % 2 === 0) base.push(await timed(without));
      more.push(await timed(all));
      if (round % 2 === 1) base.push(await timed(without));
    }
    await workspace.close();
    progress(`${String(ROUNDS)} rounds`);
    return { metrics: without.length, base, more };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
