import type { Request } from 'express';
import type { AttributionMoment } from '@rapport/engine';
import { readAsOf, readDay, type Zone } from '@rapport/sdk/time';
import { RapportError } from '@rapport/errors';

/** What is thrown for a parameter that is not as it must be. */
export const refuse = (name: string, why: string) =>
  new RapportError('RAPPORT_HTTP_QUERY', `the query parameter "${name}" ${why}`);

/** A parameter given once, or null. Throws `RAPPORT_HTTP_QUERY` when it is given twice or as a structure. */
export function text(request: Request, name: string): string | null {
  const value = request.query[name];
  if (value === undefined) return null;
  if (typeof value !== 'string' || value === '') throw refuse(name, 'must be one text that is not empty');
  return value;
}

/** Refuses parameters that nobody reads: most are typing errors. */
export function onlyParameters(request: Request, ...known: readonly string[]): void {
  for (const name of Object.keys(request.query)) {
    if (!known.includes(name))
      throw refuse(
        name,
        known.length > 0 ? `is not known; there are ${known.join(', ')}` : 'is not known; there are none here',
      );
  }
}

/** A whole number in a range, or null. */
export function whole(request: Request, name: string, least: number, most: number): number | null {
  const given = text(request, name);
  if (given === null) return null;
  if (!/^\d{1,9}$/.test(given) || Number(given) < least || Number(given) > most)
    throw refuse(name, `must be a whole number from ${least} to ${most}`);
  return Number(given);
}

/** Number of items per page: 1–1000, default 50. */
export const limit = (request: Request): number => whole(request, 'limit', 1, 1000) ?? 50;

/** An epoch day, given as a date; or null. */
export function day(request: Request, name: string): number | null {
  const given = text(request, name);
  if (given === null) return null;
  const found = readDay(given);
  if (found === null) throw refuse(name, 'must be a day, as in 2024-12-31');
  return found;
}

/** The instant to look at, epoch ms, or null. A date means the end of that day in the workspace's zone. */
export function instant(request: Request, name: string, zone: Zone): number | null {
  const given = text(request, name);
  if (given === null) return null;
  const found = readAsOf(given, zone);
  if (found === null) throw refuse(name, 'must be a date or an instant, as in 2024-12-31 or 2024-12-31T18:30:00Z');
  return found;
}

/** `run:7`, or an instant; or null. */
export function moment(request: Request, name: string, zone: Zone): AttributionMoment | null {
  const run = /^run:(\d{1,15})$/.exec(text(request, name) ?? '')?.[1];
  return run === undefined ? instant(request, name, zone) : { run: Number(run) };
}

type Key = readonly (string | number | null)[];

/** A cursor is the key of the last item that was sent, so that paging goes on at the right place also when a newer run has come between. */
export const cursorAfter = (order: string, key: Key): string =>
  Buffer.from(JSON.stringify([order, ...key])).toString('base64url');

/** The key in the request's cursor, or null without one. It must be of the same order. */
export function cursor(request: Request, order: string, length: number): Key | null {
  const given = text(request, 'cursor');
  if (given === null) return null;
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(given, 'base64url').toString('utf8'));
  } catch {
    key = null;
  }
  const isKey = (value: unknown): value is Key =>
    Array.isArray(value) &&
    value.length === length + 1 &&
    value.every((item) => item === null || typeof item === 'string' || typeof item === 'number');
  if (!isKey(key) || key[0] !== order) {
    throw refuse(
      'cursor',
      'is not one of this listing; take "next" of the page before, with the same sort and segment, or leave it out',
    );
  }
  return key.slice(1);
}
