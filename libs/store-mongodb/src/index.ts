export { openMongodbStore } from './store.js';
