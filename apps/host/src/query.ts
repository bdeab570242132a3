import type { Request } from 'express';
import { HostError } from './problem.js';

const refuse = (name: string, why: string) =>
  new HostError('RAPPORT_HTTP_QUERY', `the query parameter "${name}" ${why}`, 400);

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

/** Number of items per page: 1–1000, default 50. */
export function limit(request: Request): number {
  const given = text(request, 'limit');
  if (given === null) return 50;
  if (!/^\d{1,4}$/.test(given) || Number(given) < 1 || Number(given) > 1000)
    throw refuse('limit', 'must be a whole number from 1 to 1000');
  return Number(given);
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
