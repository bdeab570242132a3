import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { utc, zone } from '@rapport/sdk/time';
import { timeReadings } from '@rapport/sdk/time-readings';
import { normalize, type IngestLimits } from './ingest.js';

const NOON = Date.UTC(2026, 5, 1, 12);
const limits: IngestLimits = { eventBytes: 2000, accounts: 'groups', zone: utc };
const call = (more: Readonly<Record<string, unknown>> = {}) => ({
  type: 'track',
  messageId: 'm1',
  timestamp: '2026-05-31T10:00:00Z',
  userId: 'u1',
  event: 'Signed In',
  ...more,
});
const messageOf = (raw: unknown, options = limits) => {
  const found = normalize(raw, NOON, options);
  return 'message' in found ? found.message : expect.unreachable(JSON.stringify(found));
};
const refusalOf = (raw: unknown, options = limits) => {
  const found = normalize(raw, NOON, options);
  return 'refusal' in found ? found.refusal : expect.unreachable(JSON.stringify(found));
};

describe('calls in the Segment spec’s shapes', () => {
  it('takes a track call', () => {
    expect(
      messageOf(
        call({
          properties: { plan: 'pro', n: null },
          context: { groupId: 'g1', sessionId: 1234, library: { name: 'x' } },
        }),
      ),
    ).toEqual({
      id: 'm1',
      time: Date.UTC(2026, 4, 31, 10),
      event: { name: 'Signed In', user: 'u1', account: 'g1', session: '1234', properties: { plan: 'pro', n: null } },
    });
  });

  it('lets anonymousId stand in for the user, and leaves the account to the store', () => {
    expect(messageOf(call({ userId: null, anonymousId: 'anon' })).event).toMatchObject({
      user: 'anon',
      account: null,
      session: null,
    });
    expect(messageOf(call({ userId: null, groupId: 'g1' })).event).toMatchObject({ user: null, account: 'g1' });
  });

  it('turns pages and screens into events', () => {
    const page = {
      type: 'page',
      messageId: 'p',
      userId: 'u1',
      name: 'Pricing',
      category: 'Docs',
      properties: { url: '/x' },
    };
    expect(messageOf(page)).toEqual({
      id: 'p',
      time: NOON,
      event: {
        name: 'Page Viewed',
        user: 'u1',
        account: null,
        session: null,
        properties: { url: '/x', name: 'Pricing' },
      },
    });
    expect(messageOf({ ...page, type: 'screen', name: null }).event).toMatchObject({
      name: 'Screen Viewed',
      properties: { url: '/x' },
    });
  });

  it('takes traits of users and accounts, and memberships', () => {
    expect(messageOf({ type: 'identify', messageId: 'i', userId: 'u1', traits: { role: 'admin' } })).toEqual({
      id: 'i',
      time: NOON,
      traits: { of: 'user', subject: 'u1', values: { role: 'admin' } },
    });
    expect(messageOf({ type: 'group', messageId: 'g', userId: 'u1', groupId: 'g1', traits: { seats: 5 } })).toEqual({
      id: 'g',
      time: NOON,
      traits: { of: 'account', subject: 'g1', values: { seats: 5 } },
      member: { user: 'u1', account: 'g1' },
    });
    expect(messageOf({ type: 'group', messageId: 'g', groupId: 'g1' })).toEqual({
      id: 'g',
      time: NOON,
      traits: { of: 'account', subject: 'g1', values: {} },
    });
  });

  it('makes every user its own account where the workspace says so', () => {
    const users = { ...limits, accounts: 'users' } as const;
    expect(messageOf(call({ context: { groupId: 'g1' } }), users).event).toMatchObject({ user: 'u1', account: 'u1' });
    expect(refusalOf({ type: 'group', messageId: 'g', groupId: 'g1' }, users)).toMatchObject({
      code: 'RAPPORT_INGEST_GROUP',
    });
  });

  it('ignores what SDKs send along', () => {
    const extra = {
      sentAt: 'x',
      receivedAt: 'x',
      originalTimestamp: 'x',
      integrations: { All: true },
      version: 2,
      channel: 'server',
      writeKey: 'k',
      _metadata: {},
      previousId: 'p',
      category: 'c',
    };
    expect(messageOf(call(extra))).toEqual(messageOf(call()));
  });

  it('knows a call without messageId by its content, whenever it is sent', () => {
    const { messageId: _, ...anonymous } = call({ properties: { b: 1, a: 2 } });
    const { messageId: __, ...reordered } = call({ sentAt: 'later', properties: { a: 2, b: 1 } });
    expect(messageOf(anonymous).id).toMatch(/^sha256-[0-9a-f]{64}$/);
    expect(messageOf(reordered).id).toBe(messageOf(anonymous).id);
    expect(messageOf({ ...anonymous, event: 'Signed Out' }).id).not.toBe(messageOf(anonymous).id);
    const { timestamp: ___, ...timeless } = anonymous;
    expect(refusalOf(timeless)).toMatchObject({ code: 'RAPPORT_INGEST_MESSAGE_ID', pointer: '/messageId' });
  });
});

describe('calls that are refused', () => {
  const deep = (levels: number): object => {
    let nested = {};
    for (let i = 0; i < levels; i++) nested = { x: nested };
    return nested;
  };
  it.each<[unknown, string, string, string]>([
    [null, 'RAPPORT_INGEST_NOT_AN_OBJECT', '', 'JSON object'],
    [[call()], 'RAPPORT_INGEST_NOT_AN_OBJECT', '', 'JSON object'],
    [call({ type: undefined }), 'RAPPORT_INGEST_TYPE', '/type', 'missing'],
    [call({ type: 'alias' }), 'RAPPORT_INGEST_TYPE', '/type', '"track"'],
    [call({ type: 'constructor' }), 'RAPPORT_INGEST_TYPE', '/type', '"track"'],
    [call({ event: undefined }), 'RAPPORT_INGEST_WRONG_TYPE', '', '"event" is missing'],
    [call({ event: 7 }), 'RAPPORT_INGEST_WRONG_TYPE', '/event', 'string'],
    [call({ userId: 7 }), 'RAPPORT_INGEST_WRONG_TYPE', '/userId', 'string'],
    [call({ properties: [] }), 'RAPPORT_INGEST_WRONG_TYPE', '/properties', 'object'],
    [call({ context: { groupId: {} } }), 'RAPPORT_INGEST_WRONG_TYPE', '/context/groupId', 'string'],
    [call({ userid: 'u' }), 'RAPPORT_INGEST_UNKNOWN_FIELD', '/userid', 'Did you mean "userId"?'],
    [call({ propertise: {} }), 'RAPPORT_INGEST_UNKNOWN_FIELD', '/propertise', 'Did you mean "properties"?'],
    [call({ userId: '' }), 'RAPPORT_INGEST_EMPTY', '/userId', 'empty'],
    [call({ messageId: ' ' }), 'RAPPORT_INGEST_EMPTY', '/messageId', 'empty'],
    [call({ event: '' }), 'RAPPORT_INGEST_EMPTY', '/event', 'empty'],
    [call({ event: 'x'.repeat(201) }), 'RAPPORT_INGEST_NAME_TOO_LONG', '/event', '201'],
    [call({ userId: 'a\uD800' }), 'RAPPORT_INGEST_TEXT', '/userId', 'surrogate'],
    [call({ userId: 'a\0' }), 'RAPPORT_INGEST_TEXT', '/userId', 'NUL'],
    [call({ userId: null }), 'RAPPORT_INGEST_SUBJECT', '/userId', 'userId'],
    [{ type: 'identify', messageId: 'i' }, 'RAPPORT_INGEST_SUBJECT', '/userId', 'userId'],
    [{ type: 'group', messageId: 'i', groupId: null }, 'RAPPORT_INGEST_SUBJECT', '/groupId', 'groupId'],
    [call({ timestamp: 'yesterday' }), 'RAPPORT_INGEST_TIME', '/timestamp', 'ISO 8601'],
    [call({ timestamp: '2024-02-30' }), 'RAPPORT_INGEST_TIME', '/timestamp', 'calendar'],
    [call({ timestamp: '0000-01-01' }), 'RAPPORT_INGEST_TIME', '/timestamp', '1970'],
    [call({ timestamp: '+99999-01-01' }), 'RAPPORT_INGEST_TIME', '/timestamp', 'ISO 8601'],
    [call({ timestamp: '2026-06-01T25:00:00Z' }), 'RAPPORT_INGEST_TIME', '/timestamp', 'ISO 8601'],
    [call({ timestamp: '2026-06-02T12:00:00.001Z' }), 'RAPPORT_INGEST_FUTURE', '/timestamp', 'future'],
    [call({ properties: { text: 'x'.repeat(2000) } }), 'RAPPORT_INGEST_TOO_LARGE', '/properties/text', '2000 bytes'],
    [
      call({ properties: { text: '\u{1F600}'.repeat(600) } }),
      'RAPPORT_INGEST_TOO_LARGE',
      '/properties/text',
      '2000 bytes',
    ],
    [call({ properties: { n: NaN } }), 'RAPPORT_INGEST_NUMBER', '/properties', 'NaN'],
    [call({ properties: { a: [1, Infinity] } }), 'RAPPORT_INGEST_NUMBER', '/properties/a/1', 'Infinity'],
    [call({ properties: deep(30) }), 'RAPPORT_INGEST_DEPTH', expect.stringContaining('/properties/x/x'), 'deeper'],
    [
      JSON.parse('{"type":"track","messageId":"m","userId":"u","event":"e","properties":{"a":{"__proto__":{"x":1}}}}'),
      'RAPPORT_INGEST_KEY',
      '/properties/a/__proto__',
      '__proto__',
    ],
    [call({ properties: { f: () => 1 } }), 'RAPPORT_INGEST_TYPE_OF_VALUE', '/properties', 'function'],
    [call({ properties: { n: 10n } }), 'RAPPORT_INGEST_TYPE_OF_VALUE', '/properties', 'bigint'],
  ])('%# %.0s%s', (raw, code, pointer, message) => {
    expect(refusalOf(raw)).toMatchObject({ code, pointer, message: expect.stringContaining(message) as unknown });
  });

  it('does not run out of stack on a call that nests a hundred thousand levels', () => {
    expect(refusalOf(call({ properties: deep(100_000) })).code).toBe('RAPPORT_INGEST_DEPTH');
  });

  it('names the message it refuses', () => {
    expect(refusalOf(call({ event: '' })).messageId).toBe('m1');
    expect(refusalOf(7).messageId).toBeNull();
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
        fc.constantFrom('track', 'identify', 'group', 'page', 'screen', 'x'),
        (anything, type) => {
          normalize(anything, NOON, limits);
          normalize({ ...(anything as object), type }, NOON, limits);
        },
      ),
      { seed: 7, numRuns: 500 },
    );
  });
});

describe('timestamps', () => {
  it.each(timeReadings.filter(({ value }) => typeof value === 'string'))(
    '$value in $zone is $from',
    ({ value, zone: name, from }) => {
      const raw = call({ timestamp: value });
      const found = normalize(raw, Date.UTC(2200, 0, 1), { ...limits, zone: zone(name) });
      const at = from === null ? -1 : Date.parse(from);
      if (at >= 0) expect(found).toMatchObject({ message: { time: at } });
      else expect(found).toMatchObject({ refusal: { code: 'RAPPORT_INGEST_TIME', pointer: '/timestamp' } });
    },
  );
});
