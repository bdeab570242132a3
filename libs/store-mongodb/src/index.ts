export { openMongodbStore } from './store.js';
export { dropMongodbStore } from './drop.js';
