import type { Fold, FoldValue } from '@rapport/sdk';
import type { Column, StreamedEvent } from '@rapport/store';
import { messageOf } from './error.js';

/** A `fold` measure that is being computed: events come in the order of the frame's subjects. */
export interface FoldUnderWay {
  step(events: readonly StreamedEvent[]): void;
  /** The measure's column. Subjects without events get the value of the initial state. */
  end(): Column;
  /** 1 for subjects whose reducer threw or gave something else than a finite number or null. */
  readonly failed: Uint8Array;
  example(): string | null;
}

export function foldOver(
  reducer: Fold,
  config: Readonly<Record<string, unknown>>,
  subjects: readonly string[],
): FoldUnderWay {
  const values: FoldValue[] = new Array<FoldValue>(subjects.length).fill(null);
  const failed = new Uint8Array(subjects.length);
  let i = 0;
  let state: unknown;
  let begun = false;
  let example: string | null = null;
  const guarded = (what: () => void) => {
    if (failed[i]) return;
    try {
      what();
    } catch (error) {
      failed[i] = 1;
      example ??= `"${subjects[i] ?? ''}": ${messageOf(error)}`;
    }
  };
  const begin = () => {
    if (begun) return;
    begun = true;
    guarded(() => {
      state = reducer.initial(config as never);
    });
  };
  const finish = () => {
    begin();
    guarded(() => {
      values[i] = foldValueOf(reducer.done(state, config as never));
    });
    begun = false;
    i++;
  };
  return {
    failed,
    example: () => example,
    step(events) {
      for (const event of events) {
        while (i < subjects.length && subjects[i] !== event.subject) finish();
        if (i >= subjects.length) return;
        begin();
        guarded(() => {
          state = reducer.step(state, event, config as never);
        });
      }
    },
    end() {
      while (i < subjects.length) finish();
      return columnOf(values);
    },
  };
}

/** What `done` returned, checked and copied. Throws a `TypeError` for what is neither a finite number, null, nor a plain object of such. */
export function foldValueOf(value: unknown): FoldValue {
  if (isValue(value)) return value;
  if (value instanceof Promise)
    throw new TypeError('done() returned a Promise; it must return its value at once, so remove "async"');
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`done() ${must}, not ${typeof value}`);
  const entries = Object.entries(value);
  for (const [name, entry] of entries)
    if (!isValue(entry)) throw new TypeError(`done() ${must}; its "${name}" is ${String(entry)}`);
  return Object.freeze(Object.fromEntries(entries));
}
const must = 'must return a finite number, null, or an object of those';
const isValue = (value: unknown): value is number | null => value === null || Number.isFinite(value);

function columnOf(values: readonly FoldValue[]): Column {
  if (!values.every(isValue)) return { type: 'json', values };
  return {
    type: 'number',
    values: Float64Array.from(values, (value) => value ?? 0),
    valid: Uint8Array.from(values, (value) => (value === null ? 0 : 1)),
  };
}
