import type { Reducer } from '@rapport/sdk';
import type { NumberColumn, StreamedEvent } from '@rapport/store';
import { messageOf } from './error.js';

/** A `fold` measure under way: events come in the order of the frame's subjects. */
export interface Fold {
  step(events: readonly StreamedEvent[]): void;
  /** The measure's column. Subjects without events get the value of the initial state. */
  end(): NumberColumn;
  /** 1 for subjects whose reducer threw or gave something else than a finite number or null. */
  readonly failed: Uint8Array;
  example(): string | null;
}

export function foldOver(
  reducer: Reducer,
  config: Readonly<Record<string, unknown>>,
  subjects: readonly string[],
): Fold {
  const column: NumberColumn = {
    type: 'number',
    values: new Float64Array(subjects.length),
    valid: new Uint8Array(subjects.length),
  };
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
      state = reducer.initial(config);
    });
  };
  const finish = () => {
    begin();
    guarded(() => {
      const value = reducer.done(state, config);
      if (value === null) return;
      if (typeof value !== 'number' || !Number.isFinite(value))
        throw new TypeError('done() must return a finite number or null');
      column.values[i] = value;
      column.valid[i] = 1;
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
          state = reducer.step(state, event, config);
        });
      }
    },
    end() {
      while (i < subjects.length) finish();
      return column;
    },
  };
}
