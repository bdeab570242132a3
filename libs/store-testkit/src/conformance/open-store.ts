import type { Store, StoreOptions } from '@rapport/store';

/** A fresh, empty store in a place of its own. */
export interface OpenedStore {
  readonly store: Store;
  /** Closes the store, if it is open, and opens it again from the same place; with other options where given. */
  readonly reopen: (options?: Partial<StoreOptions>) => Promise<Store>;
  /** Closes the store and removes what it left. */
  readonly dispose: () => Promise<void>;
}
export type OpenStore = (options: StoreOptions) => Promise<OpenedStore>;
