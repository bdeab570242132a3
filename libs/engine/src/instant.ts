import { EngineError } from '@rapport/plugin-host';
import { zone as zoneOf, type Moment } from '@rapport/sdk/time';
import type { Clock } from '@rapport/playbooks';
import type { RunSetting } from './membership/setting.js';

/** An instant in epoch ms, now where none is given. Throws `RAPPORT_EVALUATE_AS_OF`. */
export function instantOf(asOf: number | undefined, clock: Clock): number {
  const at = asOf ?? clock.now();
  if (!Number.isSafeInteger(at) || Math.abs(at) > 8.64e15)
    throw new EngineError('RAPPORT_EVALUATE_AS_OF', `asOf must be an instant in epoch ms, not ${String(at)}.`);
  return at;
}

/**
 * The moment to try a document on, in the workspace's zone: now where none is given.
 *
 * Throws `RAPPORT_EVALUATE_AS_OF` for what is not an instant, `RAPPORT_EVALUATE_FUTURE` for one after the end of today.
 *
 * @param asOf epoch ms
 */
export function momentOf({ store, clock }: Pick<RunSetting, 'store' | 'clock'>, asOf: number | undefined): Moment {
  const zone = zoneOf(store.zone);
  const now = clock.now();
  const at = instantOf(asOf, clock);
  if (at > zone.startOfDay(zone.dayOf(now) + 1))
    throw new EngineError(
      'RAPPORT_EVALUATE_FUTURE',
      `${new Date(at).toISOString()} is in the future, and what happens until then is not known. Choose today, or an instant that has come.`,
    );
  return { at, zone };
}
