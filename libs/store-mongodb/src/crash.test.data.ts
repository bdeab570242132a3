import type { HistoryDay, Message, RunCommit } from '@rapport/store';
import { readManifest } from '@rapport/store';

const START = Date.UTC(2024, 0, 1);
export const EVENTS_PER_BATCH = 40;
export const MEMBERS_PER_RUN = 120;

/** Events of five users whose account follows from memberships, some of which come in later batches than the events. */
export const batchOf = (i: number): readonly Message[] => [
  ...Array.from({ length: EVENTS_PER_BATCH }, (_, k): Message => ({
    id: `e${String(i)}-${String(k)}`,
    time: START + ((i * 7919 + k * 104_729) % 5000) * 60_000,
    event: { name: 'Opened', user: `u${String(k % 5)}`, account: null, session: null, properties: { k } },
  })),
  {
    id: `m${String(i)}`,
    time: START + ((i * 6007) % 5000) * 60_000,
    member: { user: `u${String(i % 5)}`, account: `a${String(i % 3)}` },
    traits: { of: 'account', subject: `a${String(i % 3)}`, values: { batch: i } },
  },
];

export const commitOf = (run: number): RunCommit => ({
  asOf: run * 1000,
  epoch: 0,
  manifest: readManifest({ zone: String(run) }),
  frames: [
    {
      level: { kind: 'account' },
      subjects: Array.from({ length: MEMBERS_PER_RUN }, (_, k) => `a${String(k).padStart(4, '0')}`),
      columns: {
        score: {
          type: 'number',
          values: new Float64Array(MEMBERS_PER_RUN).fill(run),
          valid: new Uint8Array(MEMBERS_PER_RUN).fill(1),
        },
      },
    },
  ],
  transitions: Array.from({ length: MEMBERS_PER_RUN }, (_, k) => ({
    segment: `run-${String(run)}`,
    subject: `a${String(k).padStart(4, '0')}`,
    kind: 'account' as const,
    change: 'enter' as const,
    at: run * 1000,
    reason: 'because',
    facts: {},
    baseline: false,
    baselineReason: null,
    baselineText: null,
  })),
  deliveries: Array.from({ length: MEMBERS_PER_RUN }, (_, k) => ({
    key: `run-${String(run)}/${String(k)}`,
    action: 'webhook',
    payload: { run },
    subject: { kind: 'account' as const, id: `a${String(k).padStart(4, '0')}` },
    dueAt: run * 1000,
  })),
});

/** One and the same day, put again and again: every value is the number of the put, and every other time there is a subject more. */
export const historyOf = (put: number): HistoryDay => {
  const size = 2500 + (put % 2);
  const metric = {
    origin: `put ${String(put)}`,
    values: { type: 'number', values: new Float64Array(size).fill(put), valid: new Uint8Array(size).fill(1) },
  } as const;
  return {
    level: { kind: 'account' },
    day: 19_000,
    asOf: 19_001 * 86_400_000,
    subjects: Array.from({ length: size }, (_, k) => `a${String(k).padStart(4, '0')}`),
    metrics: { score: metric, nps: metric },
  };
};
