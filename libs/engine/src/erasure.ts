import { StoreError } from '@rapport/store';

/** Whether a store refused to write something because an account or user was erased since it was read. */
export const isErased = (error: unknown): boolean =>
  error instanceof StoreError && error.code === 'RAPPORT_STORE_ERASED';

/** Does a task again when an erasure came in between. Throws `RAPPORT_STORE_ERASED` after so many attempts. */
export async function unlessErased<T>(task: () => Promise<T>, attempts = 5): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      if (!isErased(error) || attempt === attempts) throw error;
    }
  }
}
