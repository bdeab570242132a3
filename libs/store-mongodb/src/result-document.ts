import type { Column, Level, NewDelivery } from '@rapport/store';
import type { Binary } from 'mongodb';

export interface RunDocument {
  /** The run's number. */
  readonly _id: number;
  readonly fence: number;
  readonly asOf: number;
  readonly startedAt: number;
  readonly committedAt: number;
}

/** Where one level's results are. The bytes are in `blobs`, under `<_id>/<version>/…`. */
export interface FrameDocument {
  /** `<fence>/<level>`. */
  readonly _id: string;
  readonly fence: number;
  readonly kind: Level['kind'];
  /** Grows when a subject is erased and its row taken out. */
  readonly version: number;
  readonly columns: readonly { readonly name: string; readonly type: Column['type'] }[];
}

/** Part of a column or of a provenance record, at most 8 MiB. */
export interface BlobDocument {
  /** `<frame>/<version>/<column index, or subjects>/<part>`. */
  readonly _id: string;
  readonly fence: number;
  readonly data: Binary;
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
