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
