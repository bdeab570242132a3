import { type Clock } from '@rapport/playbooks';
import { EngineError } from '@rapport/plugin-host';

export function instantOf(asOf: number | undefined, clock: Clock): number {
  const instant = asOf ?? clock.now();
  if (!Number.isSafeInteger(instant) || Math.abs(instant) > 8.64e15)
    throw new EngineError('RAPPORT_EVALUATE_AS_OF', `asOf must be an instant in epoch ms, not ${String(instant)}.`);
  return instant;
}
