/** An error with a stable code (`RAPPORT_STORE_…`), a sentence, and a way out. */
export class StoreError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'StoreError';
  }
}

/** What every store throws when something that rests on an earlier erasure epoch is written. */
export const storeErased = (): StoreError =>
  new StoreError(
    'RAPPORT_STORE_ERASED',
    'an account or user was erased since the snapshot that this rests on, and writing it could bring them back; nothing was written, run again',
  );
