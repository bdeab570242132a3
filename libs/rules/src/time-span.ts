import { dayOf, instantOf, overAt, readTime, utc, type Moment, type Time, type Zone } from '@rapport/sdk/time';
import { durationOf } from './operand.js';

const DAY = 86_400_000;

/**
 * The times that a condition holds for: instants from `from` (epoch ms) until before `until`, and calendar days from `first` to `last`, both of
 * them included. An instant and a day are compared by their days, so that `after 2026-07-01` begins with the second of July, and `before` ends
 * with the thirtieth of June.
 */
export interface TimeSpan {
  readonly from: number;
  readonly until: number;
  readonly first: number;
  readonly last: number;
}

const ever: TimeSpan = { from: -Infinity, until: Infinity, first: -Infinity, last: Infinity };

const before = (time: Time, zone: Zone) => ({ until: instantOf(time, zone), last: dayOf(time, zone) - 1 });
const upTo = (time: Time, zone: Zone) => ({ until: endOf(time, zone), last: dayOf(time, zone) });
const after = (time: Time, zone: Zone) => ({ from: endOf(time, zone), first: dayOf(time, zone) + 1 });
const fromOn = (time: Time, zone: Zone) => ({ from: instantOf(time, zone), first: dayOf(time, zone) });

/** The first instant after a time. Instants are whole milliseconds. */
const endOf = (time: Time, zone: Zone) => (time.kind === 'day' ? overAt(time, zone) : time.at + 1);

/** The calendar days of a duration. */
const daysOf = (duration: number) => Math.round(duration / DAY);

/** The span of times that an operator and its value ask for, as of a moment; null for an operator that asks for none, or a value that is no time. */
export function timeSpan(operator: string, value: unknown, { at, zone }: Moment): TimeSpan | null {
  const within = (span: (duration: number, today: number) => TimeSpan): TimeSpan | null => {
    const duration = durationOf(value);
    return duration === null ? null : span(duration, zone.dayOf(at));
  };
  const beside = (span: (time: Time, zone: Zone) => Partial<TimeSpan>): TimeSpan | null => {
    const time = readTime(value, zone);
    return time && { ...ever, ...span(time, zone) };
  };
  switch (operator) {
    case 'before':
    case 'lessThan':
      return beside(before);
    case 'lessThanInclusive':
      return beside(upTo);
    case 'after':
    case 'greaterThan':
      return beside(after);
    case 'greaterThanInclusive':
      return beside(fromOn);
    case 'between': {
      const [low, high] = (value as readonly unknown[]).map((end) => readTime(end, zone));
      return low && high ? { ...fromOn(low, zone), ...upTo(high, zone) } : null;
    }
    case 'withinNext':
      return within((duration, today) => ({
        from: at,
        until: at + duration + 1,
        first: today,
        last: today + daysOf(duration),
      }));
    case 'withinLast':
      // A day is past when it is over, and not before: today is still to come.
      return within((duration, today) => ({
        from: at - duration,
        until: at + 1,
        first: today - daysOf(duration),
        last: today - 1,
      }));
    default:
      return null;
  }
}

/** Whether a span holds a time. */
export const holdsTime = ({ from, until, first, last }: TimeSpan, time: Time): boolean =>
  time.kind === 'day' ? first <= time.day && time.day <= last : from <= time.at && time.at < until;

/** Below 0 when the first time is before the other, 0 when it cannot be told which is first. Two instants by themselves, else by their days. */
export const compareTimes = (one: Time, other: Time, zone: Zone): number =>
  one.kind === 'instant' && other.kind === 'instant' ? one.at - other.at : dayOf(one, zone) - dayOf(other, zone);

/** Whether a value can be read as a time, which does not depend on the zone. */
export const isTime = (value: unknown): boolean => readTime(value, utc) !== null;
