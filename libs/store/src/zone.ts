import type { Calendar } from '@rapport/sdk';
import { tzOffset } from '@date-fns/tz';

const DAY = 86_400_000;
const QUARTER = 900_000;

/** Calendar of one IANA time zone. An epoch day is the number of days since 1970-01-01 in that zone. */
export interface Zone extends Calendar {
  readonly name: string;
}

/** Throws `RAPPORT_STORE_ZONE` for a name that is not an IANA time zone. */
export function zone(name: string): Zone {
  if (Number.isNaN(tzOffset(name, new Date(0)))) {
    throw new RangeError(
      `RAPPORT_STORE_ZONE: "${name}" is not an IANA time zone; write one such as "UTC" or "Europe/Berlin"`,
    );
  }
  // Offsets change only on quarter hours (since 1970), so one look-up serves a quarter of an hour of events.
  const offsets = new Map<number, number>();
  const offset = (instant: number) => {
    const quarter = Math.floor(instant / QUARTER);
    let minutes = offsets.get(quarter);
    if (minutes === undefined) {
      minutes = tzOffset(name, new Date(quarter * QUARTER));
      if (offsets.size > 100_000) offsets.clear();
      offsets.set(quarter, minutes);
    }
    return minutes * 60_000;
  };
  const dayOf =
    name === 'UTC'
      ? (instant: number) => Math.floor(instant / DAY)
      : (instant: number) => Math.floor((instant + offset(instant)) / DAY);
  return {
    name,
    dayOf,
    startOfDay(day) {
      // The first quarter hour of that day: start a day early and let the calendar decide (a zone may skip midnight).
      let low = day * DAY - DAY;
      let high = day * DAY + DAY;
      while (high - low > QUARTER) {
        const middle = Math.floor((low + high) / 2 / QUARTER) * QUARTER;
        if (dayOf(middle) >= day) high = middle;
        else low = middle;
      }
      return high;
    },
  };
}
