import type { Message, Properties } from '@rapport/store';
import { readInstant, utc } from '@rapport/sdk/time';
import { TestkitError } from './error.js';

/** An instant: epoch ms, or ISO 8601 text (`2024-03-01`, `2024-03-01T12:00:00Z`). Text without an offset is UTC. */
export type Instant = number | string;

interface Common {
  /** Default: made from the position in the list of calls. */
  readonly messageId?: string;
  readonly timestamp: Instant;
}
/** A call in the Segment spec's shape. */
export type Call =
  | (Common & {
      readonly type: 'track';
      readonly userId?: string;
      readonly event: string;
      readonly properties?: Properties;
      readonly context?: { readonly groupId?: string; readonly sessionId?: string };
    })
  | (Common & { readonly type: 'identify'; readonly userId: string; readonly traits?: Properties })
  | (Common & {
      readonly type: 'group';
      readonly groupId: string;
      readonly userId?: string;
      readonly traits?: Properties;
    });

/**
 * An event of a user (null: of nobody). Without `account` it belongs to the account that the user is in at that time, as
 * `group` calls say; `session` is an explicit session id, `id` the message id.
 */
export const track = (
  user: string | null,
  event: string,
  time: Instant,
  properties: Properties = {},
  { account, session, id }: { readonly account?: string; readonly session?: string; readonly id?: string } = {},
): Call => ({
  type: 'track',
  ...(id === undefined ? {} : { messageId: id }),
  timestamp: time,
  ...(user === null ? {} : { userId: user }),
  event,
  properties,
  context: {
    ...(account === undefined ? {} : { groupId: account }),
    ...(session === undefined ? {} : { sessionId: session }),
  },
});

/** Traits of an account from `time` on (null removes one), and, with `user`, that the user is in the account from then on. */
export const group = (account: string, traits: Properties, time: Instant, user?: string): Call => ({
  type: 'group',
  timestamp: time,
  groupId: account,
  ...(user === undefined ? {} : { userId: user }),
  traits,
});

/** Traits of a user from `time` on; null removes one. */
export const identify = (user: string, traits: Properties, time: Instant): Call => ({
  type: 'identify',
  timestamp: time,
  userId: user,
  traits,
});

/** Epoch ms of an instant. Throws `RAPPORT_TESTKIT_CALL` for text that is not one. */
export function instantOf(instant: Instant): number {
  const time = readInstant(instant, utc);
  if (time === null) {
    throw new TestkitError(
      'RAPPORT_TESTKIT_CALL',
      `"${instant}" is not an instant; write epoch ms or ISO 8601 text such as "2024-03-01T12:00:00Z"`,
    );
  }
  return time;
}

/** The messages that a store takes for these calls. Throws `RAPPORT_TESTKIT_CALL`. */
export const messagesOf = (calls: readonly Call[]): readonly Message[] =>
  calls.map((call, i): Message => {
    const base = { id: call.messageId ?? `call-${String(i + 1).padStart(6, '0')}`, time: instantOf(call.timestamp) };
    switch (call.type) {
      case 'track':
        return {
          ...base,
          event: {
            name: call.event,
            user: call.userId ?? null,
            account: call.context?.groupId ?? null,
            session: call.context?.sessionId ?? null,
            properties: call.properties ?? {},
          },
        };
      case 'identify':
        return { ...base, traits: { of: 'user', subject: call.userId, values: call.traits ?? {} } };
      case 'group':
        return {
          ...base,
          traits: { of: 'account', subject: call.groupId, values: call.traits ?? {} },
          ...(call.userId === undefined ? {} : { member: { user: call.userId, account: call.groupId } }),
        };
    }
  });
