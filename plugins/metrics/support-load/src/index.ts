import {
  count,
  defineMetric,
  durationOption,
  equal,
  exists,
  last,
  lifetime,
  noData,
  not,
  spans,
  Type,
} from '@rapport/sdk';

/**
 * Tickets opened in the window; open now, closed, median hours to close and escalated are parts. 0 is a fact about a subject
 * that has had events; one that never had any has no value (`no-data`).
 *
 * Source: *User engagement in B2B SaaS* (support tickets as a sign of engagement and of trouble).
 */
export default defineMetric({
  id: 'support-load',
  title: 'Support load',
  description: 'How much help is asked for, and how fast it comes.',
  source: 'User engagement in B2B SaaS: support tickets',
  unit: 'count',
  range: [0, null],
  subjects: ['account', 'portfolio'],
  config: Type.Object(
    {
      window: durationOption('30d', 'Days looked at.'),
      opened: Type.String({
        minLength: 1,
        default: 'Support Ticket Opened',
        description: 'Event that opens a ticket.',
      }),
      closed: Type.String({ minLength: 1, default: 'Support Ticket Closed', description: 'Event that closes one.' }),
      ticketId: Type.String({ minLength: 1, default: 'ticketId', description: 'Property that tells tickets apart.' }),
      escalations: Type.Array(Type.String({ minLength: 1 }), {
        default: ['Support Ticket Opened', 'Support Ticket Escalated'],
        description: 'Events that say a ticket is escalated, when their property `escalated` is true.',
      }),
      escalated: Type.String({
        default: 'escalated',
        description: 'That property. Empty: every one of these events is an escalation.',
      }),
    },
    { additionalProperties: false },
  ),
  parts: {
    open: { unit: 'count', description: 'Tickets with an id that are open now' },
    closed: { unit: 'count', description: 'Tickets closed in the window' },
    medianHoursToClose: {
      unit: 'hours',
      description: 'Median time from opening to closing of those; null when none was',
    },
    escalated: { unit: 'count', description: 'Escalations in the window' },
  },
  window: ({ window }) => last(window),
  measures({ window, opened, closed, ticketId, escalations, escalated }) {
    const known = { events: [opened], where: exists(ticketId) };
    const ticket = { key: ticketId, open: known, close: { events: [closed], where: exists(ticketId) } };
    return {
      followed: spans(ticket, 'opened', last(window)),
      nameless: count({ events: [opened], where: not(exists(ticketId)) }, last(window)),
      open: spans(ticket, 'open', last(window)),
      closed: spans(ticket, 'closed', last(window)),
      median: spans(ticket, { quantile: 0.5 }, last(window)),
      escalated: count({ events: escalations, ...(escalated && { where: equal(escalated, true) }) }, last(window)),
      ever: count({}, lifetime()),
    };
  },
  compute({ followed, nameless, open, closed, median, escalated, ever }) {
    if (ever === 0) return noData('no-data');
    const value = followed + nameless;
    const medianHoursToClose = median === null ? null : median / 3600;
    return { value, n: value, parts: { open, closed, medianHoursToClose, escalated } };
  },
});
