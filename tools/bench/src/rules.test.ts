import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { benchRules } from './rules.js';
import { reference, type Reference } from './rules-reference.js';

const small = ['--rules', '6', '--subjects', '300', '--sample', '30', '--json'];

describe('bench rules', () => {
  it('gives its figures as one line of JSON', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=@rapport/source', '--import', 'tsx', fileURLToPath(new URL('./main.ts', import.meta.url))].concat(
        'rules',
        small,
      ),
      { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' },
    );
    expect(status, stderr).toBe(0);
    const figures = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(figures)).toEqual([
      'perSecond',
      'jsonRulesEnginePerSecond',
      'ratioColumnar',
      'ratioMatch',
      'ratioTrace',
      'compileMsPer1000',
      'compat',
    ]);
    const { compat, ...ours } = figures as { readonly compat: Record<string, number | null> };
    // fast-json-rules-engine is no dependency.
    for (const [name, figure] of Object.entries({ ...ours, ...compat }))
      if (!name.startsWith('ratioFast')) expect(figure, name).toBeGreaterThan(0);
  });

  it('fails when a single verdict is another than json-rules-engine’s', async () => {
    let runs = 0;
    const mistaken = (rules: Parameters<typeof reference>[0]): Reference => {
      const honest = reference(rules);
      return async (facts) => {
        const held = new Set(await honest(facts));
        // The first thirty warm up.
        if (++runs === 50 && !held.delete('3')) held.add('3');
        return held;
      };
    };
    expect(await benchRules(small, mistaken)).toBe(1);
    expect(runs).toBe(60);
    expect(await benchRules(small)).toBe(0);
  });

  it('refuses a sample larger than what there is', async () => {
    await expect(benchRules(['--subjects', '10', '--sample', '11'])).rejects.toThrow(RangeError);
  });
});
