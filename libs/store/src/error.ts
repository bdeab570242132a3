import { RapportError } from '@rapport/errors';

/** An error of a store: `RAPPORT_STORE_…`. */
export class StoreError extends RapportError {
  override readonly name = 'StoreError';
}

/** What every store throws when something that rests on an earlier erasure epoch is written. */
export const storeErased = (): StoreError =>
  new StoreError(
    'RAPPORT_STORE_ERASED',
    'an account or user was erased since the snapshot that this rests on, and writing it could bring them back; nothing was written, run again',
  );
