import { problemsOf } from '@rapport/rules';
import { readInstant, type Zone } from '@rapport/sdk/time';
import type { Json, Message, Properties } from '@rapport/store';
import { Ajv, type ValidateFunction } from 'ajv';
import { canonical, sha256 } from '@rapport/plugin-host';
import type { UnreadableTime } from './unreadable-times.js';

export interface IngestLimits {
  /** Largest call in bytes of JSON; default 32768. */
  readonly eventBytes: number;
  /** `users`: every user is its own account. */
  readonly accounts: 'groups' | 'users';
  /** The workspace's, in which times without an offset are read. */
  readonly zone: Zone;
}
export type Normalized = { readonly message: Message } | { readonly refusal: Omit<Refusal, 'index'> };

const LONGEST_NAME = 200;
const MAX_DEPTH = 20;
const DAY = 86_400_000;

const optionalText = { type: ['string', 'null'] } as const;
const optionalObject = { type: ['object', 'null'] } as const;
const anything = {} as const;
const common = {
  type: { type: 'string' },
  messageId: optionalText,
  timestamp: optionalText,
  userId: optionalText,
  anonymousId: optionalText,
  groupId: optionalText,
  sessionId: { type: ['string', 'integer', 'null'] },
  context: {
    type: ['object', 'null'],
    properties: { groupId: optionalText, sessionId: { type: ['string', 'integer', 'null'] } },
  },
  // What Segment's SDKs send along and Rapport has no use for.
  sentAt: anything,
  receivedAt: anything,
  originalTimestamp: anything,
  integrations: anything,
  version: anything,
  channel: anything,
  writeKey: anything,
  _metadata: anything,
  previousId: anything,
  category: anything,
} as const;
const fields = {
  track: { event: { type: 'string' }, properties: optionalObject },
  identify: { traits: optionalObject },
  group: { traits: optionalObject },
  page: { name: optionalText, properties: optionalObject },
  screen: { name: optionalText, properties: optionalObject },
} as const;
export type CallType = keyof typeof fields;
const required: Readonly<Record<CallType, readonly string[]>> = {
  track: ['event'],
  identify: [],
  group: ['groupId'],
  page: [],
  screen: [],
};

interface Call {
  readonly messageId?: string | null;
  readonly timestamp?: string | null;
  readonly userId?: string | null;
  readonly anonymousId?: string | null;
  readonly groupId?: string | null;
  readonly sessionId?: string | number | null;
  readonly context?: { readonly groupId?: string | null; readonly sessionId?: string | number | null } | null;
  readonly event?: string;
  readonly name?: string | null;
  readonly properties?: Properties | null;
  readonly traits?: Properties | null;
}

const ajv = new Ajv({ allowUnionTypes: true });
const ajvTelling = new Ajv({ allowUnionTypes: true, allErrors: true, verbose: true });
const schemaOf = (type: CallType) => ({
  type: 'object',
  required: ['type', ...required[type]],
  additionalProperties: false,
  properties: { ...common, ...fields[type] },
});
const types = Object.keys(fields) as CallType[];
/** Fast ones that say yes or no, and others, compiled when first needed, that say what is wrong. */
const isCall = Object.fromEntries(types.map((type) => [type, ajv.compile<Call>(schemaOf(type))])) as Readonly<
  Record<CallType, ValidateFunction<Call>>
>;
const telling = new Map<CallType, ValidateFunction>();

/** JSON Schemas of the accepted calls, by type. */
export const callSchemas: Readonly<Record<CallType, object>> = Object.fromEntries(
  types.map((type) => [type, schemaOf(type)]),
) as Record<CallType, object>;

class Refused extends Error {
  constructor(
    readonly code: string,
    readonly pointer: string,
    message: string,
  ) {
    super(message);
  }
}

/** Sizes a JSON value (at least; in characters) while looking for what JSON cannot hold or a store should not. */
function sizeOf(value: unknown, pointer: string, depth: number): number {
  switch (typeof value) {
    case 'string':
      return value.length + 2;
    case 'number':
      if (!Number.isFinite(value))
        throw new Refused(
          'RAPPORT_INGEST_NUMBER',
          pointer,
          `${String(value)} is not a number that JSON knows. Send a finite number or null.`,
        );
      return 1;
    case 'boolean':
    case 'undefined':
      return 4;
    case 'object': {
      if (value === null) return 4;
      if (depth > MAX_DEPTH)
        throw new Refused(
          'RAPPORT_INGEST_DEPTH',
          pointer,
          `the call nests deeper than ${String(MAX_DEPTH)} levels. Send it flatter.`,
        );
      let size = 2;
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) size += 1 + sizeOf(value[i], `${pointer}/${String(i)}`, depth + 1);
        return size;
      }
      const record = value as Readonly<Record<string, unknown>>;
      for (const key of Object.keys(record)) {
        if (key === '__proto__')
          throw new Refused(
            'RAPPORT_INGEST_KEY',
            `${pointer}/__proto__`,
            'the key "__proto__" is not accepted. Rename it.',
          );
        const inner = record[key];
        // The pointer is only built where something is nested; the leaf's own key is added when it is told.
        size +=
          key.length +
          4 +
          (typeof inner === 'object' && inner !== null
            ? sizeOf(inner, `${pointer}/${key}`, depth + 1)
            : sizeOf(inner, pointer, depth));
      }
      return size;
    }
    default:
      throw new Refused('RAPPORT_INGEST_TYPE_OF_VALUE', pointer, `a ${typeof value} is not JSON. Send plain JSON.`);
  }
}

/** An unpaired surrogate cannot be stored as UTF-8, and two ids that differ in one would become the same; NUL ends text in some stores. */
function isText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0 || (unit >= 0xdc00 && unit <= 0xdfff)) return false;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(++i);
    if (!(next >= 0xdc00 && next <= 0xdfff)) return false;
  }
  return true;
}

function name(text: string, pointer: string): string {
  if (text.trim() === '') throw new Refused('RAPPORT_INGEST_EMPTY', pointer, 'must not be empty.');
  if (text.length > LONGEST_NAME)
    throw new Refused(
      'RAPPORT_INGEST_NAME_TOO_LONG',
      pointer,
      `is ${String(text.length)} characters long; at most ${String(LONGEST_NAME)} are accepted.`,
    );
  if (!isText(text))
    throw new Refused(
      'RAPPORT_INGEST_TEXT',
      pointer,
      'holds a character that is no valid text (NUL or half a surrogate pair).',
    );
  return text;
}
const optionalName = (text: string | null | undefined, pointer: string): string | null =>
  text === null || text === undefined ? null : name(text, pointer);

function instant(call: Call, receivedAt: number, zone: Zone): number | null {
  const { timestamp } = call;
  if (timestamp === null || timestamp === undefined) return null;
  const time = readInstant(timestamp, zone);
  if (time === null || time < 0)
    throw new Refused(
      'RAPPORT_INGEST_TIME',
      '/timestamp',
      'is not a time from 1970 on that is on the calendar. Send ISO 8601, as in "2026-03-01T12:30:00Z".',
    );
  if (time > receivedAt + DAY)
    throw new Refused(
      'RAPPORT_INGEST_FUTURE',
      '/timestamp',
      'is more than a day in the future. Check the sender’s clock.',
    );
  return time;
}

function identity(raw: object, call: Call, time: number | null): string {
  const { messageId } = call;
  if (messageId !== null && messageId !== undefined) return name(messageId, '/messageId');
  if (time === null)
    throw new Refused(
      'RAPPORT_INGEST_MESSAGE_ID',
      '/messageId',
      'a call without "messageId" needs a "timestamp", so that it can be told from a repeat. Send either.',
    );
  const { sentAt: _sent, receivedAt: _received, ...rest } = raw as Readonly<Record<string, unknown>>;
  return `sha256-${sha256(canonical(rest))}`;
}

function build(type: CallType, raw: object, call: Call, receivedAt: number, { accounts, zone }: IngestLimits): Message {
  const time = instant(call, receivedAt, zone);
  const id = identity(raw, call, time);
  const at = time ?? receivedAt;
  const userId = optionalName(call.userId, '/userId');
  const user = userId ?? optionalName(call.anonymousId, '/anonymousId');
  const contextGroup = optionalName(call.context?.groupId, '/context/groupId');
  const group = optionalName(call.groupId, '/groupId') ?? contextGroup;
  const traits = call.traits ?? {};
  const missing = (pointer: string, what: string): never => {
    throw new Refused('RAPPORT_INGEST_SUBJECT', pointer, what);
  };
  if (type === 'identify') {
    if (user === null) return missing('/userId', 'an "identify" needs a "userId" or an "anonymousId".');
    return { id, time: at, traits: { of: 'user', subject: user, values: traits } };
  }
  if (type === 'group') {
    if (accounts === 'users')
      throw new Refused(
        'RAPPORT_INGEST_GROUP',
        '/type',
        'this workspace has users as its accounts ("accounts": "users"), so there are no groups. Send "identify".',
      );
    if (group === null) return missing('/groupId', 'a "group" needs a "groupId".');
    return {
      id,
      time: at,
      traits: { of: 'account', subject: group, values: traits },
      ...(user === null ? {} : { member: { user, account: group } }),
    };
  }
  if (user === null && group === null)
    return missing('/userId', 'an event needs a "userId", an "anonymousId" or a "groupId".');
  const session = call.context?.sessionId ?? call.sessionId ?? null;
  const given = call.properties ?? {};
  const page = call.name === null || call.name === undefined ? given : { ...given, name: call.name satisfies Json };
  return {
    id,
    time: at,
    event: {
      name: type === 'track' ? name(call.event ?? '', '/event') : type === 'page' ? 'Page Viewed' : 'Screen Viewed',
      user,
      account: accounts === 'users' ? user : group,
      session: session === null ? null : name(String(session), '/context/sessionId'),
      properties: type === 'track' ? given : page,
    },
  };
}

function check(
  raw: unknown,
  limits: IngestLimits,
): { readonly type: CallType; readonly call: Call; readonly raw: object } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new Refused('RAPPORT_INGEST_NOT_AN_OBJECT', '', 'a call is a JSON object.');
  const size = sizeOf(raw, '', 0);
  // Characters are at least bytes; only where escapes or longer characters could tip the scale is the JSON written out.
  if (
    size > limits.eventBytes ||
    (size * 6 > limits.eventBytes && Buffer.byteLength(JSON.stringify(raw)) > limits.eventBytes)
  ) {
    throw new Refused(
      'RAPPORT_INGEST_TOO_LARGE',
      largest(raw),
      `the call is larger than ${String(limits.eventBytes)} bytes (limits.eventBytes). Send less.`,
    );
  }
  const type = (raw as { readonly type?: unknown }).type;
  if (typeof type !== 'string' || !Object.hasOwn(fields, type)) {
    const list = types.map((known) => `"${known}"`).join(', ');
    throw new Refused(
      'RAPPORT_INGEST_TYPE',
      '/type',
      type === undefined ? `is missing. Send one of ${list}.` : `must be one of ${list}.`,
    );
  }
  const known = type as CallType;
  const call: unknown = raw;
  if (isCall[known](call)) return { type: known, call, raw };
  let tell = telling.get(known);
  if (!tell) telling.set(known, (tell = ajvTelling.compile(schemaOf(known))));
  tell(raw);
  const [problem] = problemsOf(tell.errors ?? [], '');
  const unknown = tell.errors?.some(({ keyword }) => keyword === 'additionalProperties') ?? false;
  throw new Refused(
    unknown ? 'RAPPORT_INGEST_UNKNOWN_FIELD' : 'RAPPORT_INGEST_WRONG_TYPE',
    problem?.pointer ?? '',
    problem?.message ?? 'is not valid.',
  );
}

/** The member that takes the most room, for the message. */
function largest(raw: object): string {
  let pointer = '';
  let value: unknown = raw;
  for (let depth = 0; depth < 5 && typeof value === 'object' && value !== null && !Array.isArray(value); depth++) {
    const sized = Object.entries(value).map(([key, inner]) => ({
      key,
      inner: inner as unknown,
      size: sizeOf(inner, '', 0),
    }));
    const [most] = sized.sort((a, b) => b.size - a.size);
    if (!most) break;
    pointer += `/${most.key.slice(0, 100)}`;
    value = most.inner;
  }
  return pointer;
}

/**
 * Validates one call in the Segment spec's shapes (`track`, `identify`, `group`, `page`, `screen`) and turns it into a message. Pure.
 *
 * `anonymousId` stands for the user where there is no `userId`; a call without `timestamp` happened when it was received; one without `messageId` is
 * known by the SHA-256 of its content, provided that it has a timestamp.
 *
 * @param receivedAt epoch ms; a timestamp more than a day later is refused
 * @returns the message, or the refusal with a code (`RAPPORT_INGEST_*`), a JSON Pointer and a sentence. Never throws for a bad call.
 */
export function normalize(raw: unknown, receivedAt: number, limits: IngestLimits): Normalized {
  try {
    const { type, call, raw: object } = check(raw, limits);
    return { message: build(type, object, call, receivedAt, limits) };
  } catch (error) {
    const id =
      typeof raw === 'object' && raw !== null && 'messageId' in raw && typeof raw.messageId === 'string'
        ? raw.messageId.slice(0, LONGEST_NAME)
        : null;
    if (error instanceof Refused)
      return { refusal: { messageId: id, code: error.code, pointer: error.pointer, message: error.message } };
    return {
      refusal: {
        messageId: id,
        code: 'RAPPORT_INGEST_NOT_AN_OBJECT',
        pointer: '',
        message: 'the call could not be read. Send plain JSON.',
      },
    };
  }
}

/** A call that was not accepted. The rest of its batch was. */
export interface Refusal {
  /** Index in the batch. */
  readonly index: number;
  readonly messageId: string | null;
  /** `RAPPORT_INGEST_*`. */
  readonly code: string;
  /** JSON Pointer into the call. */
  readonly pointer: string;
  readonly message: string;
}

export interface IngestReport {
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: readonly Refusal[];
  /** Values in the calls that were taken where metrics, rules or the configuration read a time, and that are none: they count as missing. */
  readonly unreadable: readonly UnreadableTime[];
}
