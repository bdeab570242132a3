export { type Clock } from './clock.js';
export { deliveriesFor } from './deliveries.js';
export { backoff, deliverDue, MAX_ATTEMPTS, type DeliverReport } from './outbox.js';
