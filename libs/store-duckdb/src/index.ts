export { openDuckdbStore } from './store.js';
export type { DuckdbOptions } from './store.js';
