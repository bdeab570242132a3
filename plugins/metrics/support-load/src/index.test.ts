import {
  type Call,
  checkMetric,
  evaluateMetric,
  group,
  type OracleAnswer,
  type OracleSubject,
  track,
} from '@rapport/testkit';
import { describe, expect, it } from 'vitest';
import supportLoad from './index.js';

// 30 days up to this midnight: 30 January … 28 February.
const asOf = '2026-03-01T00:00:00Z';
const ticket = (event: 'Opened' | 'Closed', ticketId: string | null, time: string, more = {}, account = 'acme') =>
  track('ann', `Support Ticket ${event}`, time, { ...(ticketId === null ? {} : { ticketId }), ...more }, { account });
const evaluate = (calls: readonly Call[], config = {}, more = {}) =>
  evaluateMetric(supportLoad, { calls, asOf, config, subject: { kind: 'account', id: 'acme' }, ...more });

/** Every ticket of every account, event by event. */
function oracle({ events, asOf, calendar }: OracleSubject): OracleAnswer {
  if (events.length === 0) return { value: null, reason: 'no-data', n: null };
  const from = calendar.startOfDay(calendar.dayOf(asOf - 1) - 29);
  const openSince = new Map<string, number>();
  const hours: number[] = [];
  let [opened, escalated] = [0, 0];
  const closesLast = ({ event }: { readonly event: string }) => (event === 'Support Ticket Closed' ? 1 : 0);
  for (const { time, event, account, properties } of [...events].sort(
    (a, b) => a.time - b.time || closesLast(a) - closesLast(b),
  )) {
    const inside = time >= from;
    const { ticketId = null, escalated: flag } = properties;
    const ticket = JSON.stringify([account, typeof ticketId === 'object' ? null : String(ticketId)]);
    const since = openSince.get(ticket);
    if (event === 'Support Ticket Opened' && ticketId === null && inside) opened++;
    if (event === 'Support Ticket Opened' && ticketId !== null && since === undefined) {
      openSince.set(ticket, time);
      if (inside) opened++;
    }
    if (event === 'Support Ticket Closed' && ticketId !== null && since !== undefined) {
      openSince.delete(ticket);
      if (inside) hours.push((time - since) / 3_600_000);
    }
    if (['Support Ticket Opened', 'Support Ticket Escalated'].includes(event) && flag === true && inside) escalated++;
  }
  hours.sort((a, b) => a - b);
  const middle = hours.length / 2;
  const [low = 0, high = 0] = [hours[Math.ceil(middle) - 1], hours[Math.floor(middle)]];
  const medianHoursToClose = hours.length === 0 ? null : (low + high) / 2;
  const parts = { open: openSince.size, closed: hours.length, medianHoursToClose, escalated };
  return { value: opened, reason: null, n: opened, parts };
}

describe('support load', () => {
  const example = [
    ticket('Opened', 'T-1', '2026-01-20T08:00:00Z'),
    ticket('Closed', 'T-1', '2026-02-02T08:00:00Z'),
    ticket('Opened', 'T-2', '2026-02-10T08:00:00Z'),
    ticket('Closed', 'T-2', '2026-02-10T12:00:00Z'),
    ticket('Opened', 'T-3', '2026-02-11T08:00:00Z', { escalated: true }),
    ticket('Closed', 'T-3', '2026-02-12T08:00:00Z'),
    ticket('Opened', 'T-4', '2026-02-27T08:00:00Z', { escalated: false }),
  ];

  it('computes the example of the README', async () => {
    expect(await evaluate(example)).toEqual({
      value: 3,
      reason: null,
      n: 3,
      // Closed after 312, 4 and 24 hours.
      parts: { open: 1, closed: 3, medianHoursToClose: 24, escalated: 1 },
    });
  });

  it('is the same in any order of arrival, and with every message sent twice', async () => {
    const named = example.map((call, i) => ({ ...call, messageId: `m${i}` }));
    expect(await evaluate([...named.toReversed(), ...named])).toEqual(await evaluate(example));
  });

  it('is 0 for an account without tickets, and has no value for one that never had an event', async () => {
    expect(await evaluate([track('ann', 'Signed In', '2025-02-10', {}, { account: 'acme' })])).toEqual({
      value: 0,
      reason: null,
      n: 0,
      parts: { open: 0, closed: 0, medianHoursToClose: null, escalated: 0 },
    });
    expect(await evaluate([group('acme', {}, '2026-01-01')])).toMatchObject({ value: null, reason: 'no-data' });
  });

  it.each([
    ['just before the window', '2026-01-29T23:59:59.999Z', 0, 1],
    ['as the window opens', '2026-01-30T00:00:00Z', 1, 1],
    ['just before asOf', '2026-02-28T23:59:59.999Z', 1, 1],
  ])('holds a ticket opened %s on its side', async (_, time, value, open) => {
    expect(await evaluate([ticket('Opened', 'T-1', time)])).toMatchObject({ value, parts: { open } });
  });

  it('cuts days in the workspace’s zone', async () => {
    const calls = [ticket('Opened', 'T-1', '2026-01-30T04:30:00Z')];
    expect((await evaluate(calls)).value).toBe(1);
    expect((await evaluate(calls, {}, { zone: 'America/New_York', asOf: '2026-03-01T05:00:00Z' })).value).toBe(0);
  });

  it('does not count opening an open ticket again, nor closing a closed one', async () => {
    const calls = [
      ticket('Opened', 'T-1', '2026-02-10T08:00:00Z'),
      ticket('Opened', 'T-1', '2026-02-10T09:00:00Z'),
      ticket('Closed', 'T-1', '2026-02-10T10:00:00Z'),
      ticket('Closed', 'T-1', '2026-02-11T10:00:00Z'),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 1, parts: { open: 0, closed: 1, medianHoursToClose: 2 } });
  });

  it('counts a ticket that is opened again after it was closed', async () => {
    const calls = [
      ticket('Opened', 'T-1', '2026-02-10T08:00:00Z'),
      ticket('Closed', 'T-1', '2026-02-10T10:00:00Z'),
      ticket('Opened', 'T-1', '2026-02-12T08:00:00Z'),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 2, parts: { open: 1, closed: 1 } });
  });

  it('counts tickets without an id, but cannot follow them', async () => {
    const calls = [
      ticket('Opened', 'T-1', '2026-02-10T08:00:00Z'),
      ticket('Opened', null, '2026-02-10T08:00:00Z'),
      ticket('Opened', null, '2026-02-11T08:00:00Z'),
      ticket('Closed', null, '2026-02-12T08:00:00Z'),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 3, parts: { open: 1, closed: 0, medianHoursToClose: null } });
  });

  it('takes other names, and an escalation that is an event of its own', async () => {
    const calls = [
      track('ann', 'Case Opened', '2026-02-10T08:00:00Z', { case: 1 }, { account: 'acme' }),
      track('ann', 'Case Escalated', '2026-02-10T09:00:00Z', { case: 1 }, { account: 'acme' }),
      track('ann', 'Case Solved', '2026-02-10T10:00:00Z', { case: 1 }, { account: 'acme' }),
    ];
    const config = {
      opened: 'Case Opened',
      closed: 'Case Solved',
      ticketId: 'case',
      escalations: ['Case Escalated'],
      escalated: '',
    };
    expect(await evaluate(calls, config)).toMatchObject({
      value: 1,
      parts: { open: 0, closed: 1, medianHoursToClose: 2, escalated: 1 },
    });
  });

  it('counts escalations on opening and those that come later', async () => {
    const calls = [
      ticket('Opened', 'T-1', '2026-02-10T08:00:00Z', { escalated: true }),
      ticket('Opened', 'T-2', '2026-02-10T08:00:00Z', { escalated: 'yes' }),
      ticket('Opened', 'T-3', '2026-02-10T08:00:00Z'),
      track('ann', 'Support Ticket Escalated', '2026-02-11', { ticketId: 'T-3', escalated: true }, { account: 'acme' }),
    ];
    expect(await evaluate(calls)).toMatchObject({ value: 3, parts: { escalated: 2 } });
  });

  it('keeps tickets of two accounts apart that have the same id', async () => {
    const calls = [
      ticket('Opened', '1', '2026-02-10T08:00:00Z'),
      ticket('Opened', '1', '2026-02-10T09:00:00Z', {}, 'zeta'),
      ticket('Closed', '1', '2026-02-10T10:00:00Z'),
    ];
    expect(await evaluate(calls, {}, { subject: { kind: 'account', id: 'zeta' } })).toMatchObject({
      parts: { open: 1 },
    });
    expect(await evaluate(calls, {}, { subject: { kind: 'portfolio' } })).toMatchObject({
      value: 2,
      parts: { open: 1, closed: 1 },
    });
  });

  it('is what the oracle says in random worlds', async () => {
    await checkMetric(supportLoad, {
      properties: { ticketId: [1, '1', 2, 'a', null], escalated: [true, false, 'yes'] },
      oracle,
    });
  });
});
