import type { Delivery, DeliveryStore } from '@rapport/store';
import type { Collections } from './collections.js';
import type { DeliveryDocument } from './result-document.js';
import { decodeText, encodeId } from './text.js';

/** The outbox. `release` is called first, so that what a committed run left to deliver is there. */
export function createDeliveries({ deliveries }: Collections, release: () => Promise<void>): DeliveryStore {
  return {
    async claim(now, limit, leaseMs, except = []) {
      await release();
      const claimed: Delivery[] = [];
      while (claimed.length < limit) {
        const next = await deliveries.findOneAndUpdate(
          {
            state: 'pending',
            dueAt: { $lte: now },
            leasedUntil: { $lte: now },
            ...(except.length > 0 && { action: { $nin: [...except] } }),
          },
          { $set: { leasedUntil: now + leaseMs }, $inc: { attempts: 1 } },
          { sort: { dueAt: 1, _id: 1 }, returnDocument: 'after' },
        );
        if (!next) break;
        claimed.push(deliveryOf(next));
      }
      return claimed;
    },
    async delivered(key, now) {
      await deliveries.updateOne(
        { _id: encodeId(key) },
        { $set: { state: 'delivered', deliveredAt: now, leasedUntil: 0, lastError: null } },
      );
    },
    async failed(key, error, dueAt) {
      await deliveries.updateOne(
        { _id: encodeId(key), state: { $ne: 'delivered' } },
        {
          $set: {
            state: dueAt === null ? 'parked' : 'pending',
            lastError: error,
            leasedUntil: 0,
            ...(dueAt !== null && { dueAt }),
          },
        },
      );
    },
    async replay(key, now) {
      const { modifiedCount } = await deliveries.updateOne(
        { _id: encodeId(key), state: 'parked' },
        { $set: { state: 'pending', dueAt: now, attempts: 0, leasedUntil: 0 } },
      );
      return modifiedCount === 1;
    },
    async list({ state, subject, limit }) {
      if (limit <= 0) return [];
      await release();
      const found = await deliveries
        .find({
          ...(state && { state }),
          ...(subject && { 'subject.kind': subject.kind, 'subject.id': encodeId(subject.id) }),
        })
        .sort({ dueAt: 1, _id: 1 })
        .limit(limit)
        .toArray();
      return found.map(deliveryOf);
    },
  };
}

const deliveryOf = ({
  _id,
  action,
  payload,
  subject,
  dueAt,
  state,
  attempts,
  lastError,
  deliveredAt,
}: DeliveryDocument): Delivery => ({
  key: decodeText(_id),
  action,
  payload: JSON.parse(payload) as unknown,
  subject: { kind: subject.kind, id: decodeText(subject.id) },
  dueAt,
  state,
  attempts,
  lastError,
  deliveredAt,
});
