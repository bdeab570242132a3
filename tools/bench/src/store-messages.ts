import type { Message } from '@rapport/store';

/** One of many messages that look like a product's: four events, 5,000 users in 500 accounts. */
export const messageOf = (i: number): Message => ({
  id: `message-${String(i)}`,
  time: Date.UTC(2025, 0, 1) + i * 1000,
  event: {
    name: ['Opened', 'Used', 'Closed', 'Signed In'][i % 4] ?? '',
    user: `user-${String(i % 5000)}`,
    account: i % 2 === 0 ? `account-${String(i % 500)}` : null,
    session: `session-${String(Math.floor(i / 20))}`,
    properties: { feature: `feature-${String(i % 30)}`, amount: i % 100, note: 'x'.repeat(100) },
  },
});
