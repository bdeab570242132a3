import { createHash } from 'node:crypto';
import type { Zone } from '@rapport/sdk/time';
import type { Json, Message, Properties } from '@rapport/store';
import { ownValue, readKey, readNumber, readText } from '@rapport/store';
import { Binary } from 'mongodb';
import { decodeText, encodeId, encodeText, fieldOf, propertyOf } from './text.js';
import { instantsIn } from './instants.js';

/**
 * Properties by how they are read, so that an expression never has to ask for a type: numbers, texts and flags as they are,
 * the key text of numbers and flags, instants that texts hold, JSON of lists and objects, and the names that hold null.
 */
export interface PropertyFields {
  num?: Record<string, number>;
  str?: Record<string, string>;
  flag?: Record<string, boolean>;
  key?: Record<string, string>;
  at?: Record<string, number>;
  json?: Record<string, string>;
  nulls?: string[];
}

/** How a membership that arrived later than the event changed the event's account. `batch` 0: known when the event came. */
export interface Attribution {
  readonly batch: number;
  /** Order key of the membership. */
  readonly key: string;
  readonly account: string;
}

export interface TraitField {
  readonly name: string;
  readonly num?: number;
  readonly str?: string;
  readonly key?: string;
  /** JSON of the value; `null` removes the trait. */
  readonly json: string;
}

/** One ingested message: one document, so that it is there whole or not at all. After erasure only `_id` and `batch` are left. */
export interface MessageDocument extends PropertyFields {
  /** First 128 bits of the SHA-256 of the message id's code units. */
  readonly _id: Binary;
  readonly batch: number;
  /** While an erasure is under way. */
  readonly erased?: 1;
  readonly id?: string;
  readonly time?: number;
  readonly day?: number;
  readonly name?: string;
  readonly user?: string | null;
  /** As given. */
  readonly account?: string | null;
  /** Only on events whose account follows from the user's memberships; ascending by key. */
  readonly attributions?: Attribution[];
  /** Key of the last attribution; '' without one. */
  readonly by?: string;
  readonly session?: string | null;
  readonly traits?: {
    readonly of: 'account' | 'user';
    readonly subject: string;
    readonly values: readonly TraitField[];
  };
  readonly member?: { readonly user: string; readonly account: string };
}

export const hashOf = (id: string): Binary =>
  new Binary(createHash('sha256').update(Buffer.from(id, 'utf16le')).digest().subarray(0, 16));

/** Sorts as (time, message id) does. `id` is stored text. (In two parts: their sum with an offset would not fit a double.) */
export function orderKey(time: number, id: string): string {
  const high = Math.floor(time / 1e6);
  return `${String(high + 1e10).padStart(11, '0')}${String(time - high * 1e6).padStart(6, '0')} ${id}`;
}

export function documentOf(message: Message, batch: number, zone: Zone, usersAreAccounts: boolean): MessageDocument {
  const { event, traits, member } = message;
  return {
    _id: hashOf(message.id),
    batch,
    id: encodeId(message.id),
    time: message.time,
    ...(event && {
      day: zone.dayOf(message.time),
      name: encodeId(event.name),
      user: storedId(event.user),
      session: storedId(event.session),
      ...(usersAreAccounts
        ? { account: storedId(event.user) }
        : event.account === null && event.user !== null
          ? { account: null, attributions: [], by: '' }
          : { account: storedId(event.account) }),
      ...propertyFields(event.properties, zone),
    }),
    ...(traits && { traits: { of: traits.of, subject: encodeId(traits.subject), values: traitFields(traits.values) } }),
    ...(member && { member: { user: encodeId(member.user), account: encodeId(member.account) } }),
  };
}

const storedId = (id: string | null) => (id === null ? null : encodeId(id));

function propertyFields(properties: Properties, zone: Zone): PropertyFields {
  const fields: PropertyFields = {};
  for (const property of Object.keys(properties)) {
    const value = ownValue(properties, property);
    const field = fieldOf(property);
    const number = readNumber(value);
    const text = readText(value);
    if (number !== null) {
      (fields.num ??= {})[field] = number;
      (fields.key ??= {})[field] = String(number);
    } else if (text !== null) {
      (fields.str ??= {})[field] = encodeText(text);
    } else if (typeof value === 'boolean') {
      (fields.flag ??= {})[field] = value;
      (fields.key ??= {})[field] = String(value);
    } else if (value === null) {
      (fields.nulls ??= []).push(field);
    } else {
      (fields.json ??= {})[field] = JSON.stringify(value);
    }
  }
  const at = fields.str && instantsIn(fields.str, zone);
  return at ? { ...fields, at } : fields;
}

/** The event's properties as they came, in no particular order. `only` limits them. */
export function propertiesOf(fields: PropertyFields, only?: ReadonlySet<string>): Properties {
  const entries: [string, Json][] = [];
  const add = (field: string, value: Json) => {
    const property = propertyOf(field);
    if (!only || only.has(property)) entries.push([property, value]);
  };
  for (const [field, value] of Object.entries(fields.num ?? {})) add(field, value);
  for (const [field, value] of Object.entries(fields.str ?? {})) add(field, decodeText(value));
  for (const [field, value] of Object.entries(fields.flag ?? {})) add(field, value);
  for (const [field, value] of Object.entries(fields.json ?? {})) add(field, JSON.parse(value) as Json);
  for (const field of fields.nulls ?? []) add(field, null);
  return Object.fromEntries(entries);
}

function traitFields(values: Properties): TraitField[] {
  return Object.keys(values).map((trait) => {
    const value = ownValue(values, trait);
    const number = readNumber(value);
    const text = readText(value);
    const key = readKey(value);
    return {
      name: encodeId(trait),
      ...(number !== null && { num: number }),
      ...(text !== null && { str: encodeText(text) }),
      ...(key !== null && { key: encodeId(key) }),
      json: JSON.stringify(value),
    };
  });
}
