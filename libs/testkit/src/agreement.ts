import type { Answers, Evaluated } from './contract.js';
import type { OracleAnswer } from './oracle-subject.js';

/** Numbers to 10⁻⁹ relatively (of 1 at least), lists in order, tables by name; everything else exactly. */
export function agree(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number')
    return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => agree(item, b[i]));
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return left.size === right.size && [...left].every(([name, item]) => right.has(name) && agree(item, right.get(name)));
}

export interface Disagreement {
  readonly subject: string;
  readonly one: Evaluated | undefined;
  readonly another: Evaluated | undefined;
}

/** The first subject with another answer. */
export function disagreement(one: Answers, another: Answers): Disagreement | null {
  for (const subject of new Set([...one.keys(), ...another.keys()])) {
    const [left, right] = [one.get(subject), another.get(subject)];
    if (!agree(left, right)) return { subject, one: left, another: right };
  }
  return null;
}

/** What of an answer an oracle sees differently, in words; null when they agree. */
export function objection(expected: OracleAnswer, found: Evaluated): string | null {
  const say = (what: string, wanted: unknown, got: unknown) =>
    `${what} is ${JSON.stringify(got)}, the oracle says ${JSON.stringify(wanted)}`;
  if (!agree(expected.value, found.value)) return say('the value', expected.value, found.value);
  if (expected.reason !== found.reason) return say('the reason', expected.reason, found.reason);
  if (expected.n !== undefined && !agree(expected.n, found.n)) return say('n', expected.n, found.n);
  for (const [name, wanted] of Object.entries(expected.parts ?? {})) {
    const got = Object.hasOwn(found.parts, name) ? found.parts[name] : null;
    if (wanted !== undefined && !agree(wanted, got)) return say(`part "${name}"`, wanted, got);
  }
  return null;
}
