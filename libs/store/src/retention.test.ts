import { describe, expect, it } from 'vitest';
import { runsToPrune } from './retention.js';
import { zone } from '@rapport/sdk/time';

const at = (iso: string) => Date.parse(iso);
const NOW = at('2024-06-15T12:00:00Z');
const utc = zone('UTC');
const runs = (...times: readonly string[]) => times.map((time, i) => ({ number: i + 1, committedAt: at(time) }));
const policy = { days: 30, monthEnds: true };

describe('the runs that retention lets go', () => {
  it('are those older than its days, but for the last of each month', () => {
    const committed = runs('2024-03-30', '2024-03-31', '2024-04-01', '2024-04-30', '2024-05-15', '2024-05-17', '2024-06-15'); // prettier-ignore
    expect(runsToPrune(committed, policy, NOW, utc)).toEqual([5, 3, 1]);
    expect(runsToPrune(committed, { ...policy, monthEnds: false }, NOW, utc)).toEqual([5, 4, 3, 2, 1]);
  });

  it('never include the latest, and none of the last days to the millisecond', () => {
    expect(runsToPrune(runs('2020-01-01'), { days: 1, monthEnds: false }, NOW, utc)).toEqual([]);
    const edge = NOW - 30 * 86_400_000;
    const committed = [edge - 1, edge, NOW].map((committedAt, i) => ({ number: i + 1, committedAt }));
    expect(runsToPrune(committed, { ...policy, monthEnds: false }, NOW, utc)).toEqual([1]);
  });

  it('are told by the months of the zone', () => {
    const committed = runs('2024-03-31T20:00:00Z', '2024-03-31T22:30:00Z', '2024-06-15');
    expect(runsToPrune(committed, policy, NOW, utc)).toEqual([1]);
    expect(runsToPrune(committed, policy, NOW, zone('Europe/Berlin'))).toEqual([]);
  });
});
