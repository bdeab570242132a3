import type { BaselineReason, DocumentVersion, Level, NewDelivery } from '@rapport/store';
import type { Binary } from 'mongodb';
import { encodeId } from './text.js';

export interface RunDocument {
  /** The run's number. */
  readonly _id: number;
  readonly fence: number;
  readonly asOf: number;
  readonly startedAt: number;
  readonly committedAt: number;
  /** Head of the record; its parts are in `blobs`. Absent in runs of an earlier version, whose record is the blob `<fence>/provenance`. */
  readonly provenance?: string;
}

/** A level as part of an id. Results of families hold those of all depths. */
export function levelPath(level: Level): string {
  switch (level.kind) {
    case 'account':
    case 'user':
      return level.kind;
    case 'portfolio':
      return level.by === undefined ? level.kind : `${level.kind}/${encodeId(level.by)}`;
    case 'family':
      return `${level.kind}/${encodeId(level.parent)}`;
  }
}

/** Where one level's results are. */
export interface FrameDocument {
  /** `<fence>/<level>`. */
  readonly _id: string;
  readonly fence: number;
  readonly kind: Level['kind'];
  /** Blobs: the list of subjects, and the list of columns with the blob of each. */
  readonly content?: { readonly subjects: string; readonly columns: string };
  /** In frames of an earlier version instead: their blobs are `<_id>/<version>/…`. */
  readonly version?: number;
  readonly columns?: readonly { readonly name: string }[];
}

/** Part of what a run left, at most 8 MiB; see blobs.ts. */
export interface BlobDocument {
  /** `<key>/<part>`. */
  readonly _id: string;
  readonly fence: number;
  /** Absent in what an earlier version wrote. */
  readonly bytes?: number;
  readonly data: Binary;
}

/** One metric of one level's day: where its values are. Of several for one day and metric, that of the greatest put counts. */
export interface HistoryDocument {
  /** `<level>/<day>/<metric>/<put>`. */
  readonly _id: string;
  readonly level: string;
  readonly day: number;
  /** Stored text. */
  readonly metric: string;
  /** Grows with each call that writes history. */
  readonly put: number;
  readonly asOf: number;
  readonly origin: string;
  /** Its subjects: a list of `history_subjects`. */
  readonly list: string;
}
/** A number column of the subjects of one part of the list. */
export interface HistoryValuesDocument {
  /** `<history document>/<part>`. */
  readonly _id: string;
  readonly data: Binary;
}
/** Part of a list of subjects, in the list's order. */
export interface HistorySubjectsDocument {
  /** `<list>/<part>`. */
  readonly _id: string;
  readonly list: string;
  readonly part: number;
  /** What the subjects are; the heads of families are accounts. */
  readonly kind: Exclude<Level['kind'], 'family'>;
  /** Least and greatest stored id of the part. */
  readonly least: string;
  readonly greatest: string;
  /** JSON of the ids; null where a subject was erased. */
  readonly data: Binary;
  /** Of the whole list, in its last part, which is written last; `erased` once a subject was taken out. Absent while the list is being removed. */
  readonly hash?: string;
  /** In the last part too: puts that have found the list and written no day that uses it yet. What a killed one pinned stays. */
  readonly pins?: number;
}

export interface DocumentVersionDocument extends Omit<DocumentVersion, 'document'> {
  /** Stored text. */
  readonly key: string;
  /** JSON. */
  readonly document: string;
}

export interface TransitionDocument {
  readonly _id: string;
  readonly fence: number;
  /** Order within the run. */
  readonly position: number;
  readonly run: number;
  readonly segment: string;
  readonly subject: string;
  readonly kind: 'account' | 'user';
  readonly change: 'enter' | 'exit';
  readonly at: number;
  readonly reason: string;
  /** JSON. */
  readonly facts: string;
  readonly baseline: boolean;
  /** Both absent in transitions of earlier versions. */
  readonly baselineReason?: BaselineReason | null;
  readonly baselineText?: string | null;
}
export interface DeliveryDocument extends Omit<NewDelivery, 'key' | 'payload'> {
  /** The idempotency key; in `staged_deliveries` `<fence>/<key>`. */
  readonly _id: string;
  readonly key: string;
  /** JSON. */
  readonly payload: string;
  readonly state: 'pending' | 'delivered' | 'parked';
  readonly attempts: number;
  readonly leasedUntil: number;
  readonly lastError: string | null;
  readonly deliveredAt: number | null;
}
