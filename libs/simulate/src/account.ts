import { mix, share } from './dice.js';
import { INDUSTRIES, ZONES } from './vocabulary.js';

/** What never changes about an account: derived from the seed and its index whenever it is needed. */
export interface Profile {
  readonly id: string;
  readonly hash: number;
  readonly industry: (typeof INDUSTRIES)[number];
  readonly zone: (typeof ZONES)[number];
  /** 0–1. */
  readonly fit: number;
  /** 0–1: how well the first weeks go. */
  readonly onboarding: number;
  /** Index into the plans. */
  readonly plan: number;
  /** Users that join in the first days. */
  readonly users: number;
  /** Its clients send `sessionId` and `groupId` with each event. */
  readonly explicit: boolean;
}

const SIZES = [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 9, 12, 16, 22, 30] as const;

export const accountId = (index: number): string => `acct-${String(index + 1).padStart(6, '0')}`;

/** Hash of an account within one seed: the root of all its draws. */
export const accountHash = (seed: number, index: number): number => mix(mix(0x5eed, seed), index);

export function profile(seed: number, index: number): Profile {
  const hash = accountHash(seed, index);
  const at = (stream: number) => share(mix(hash, stream));
  const users = SIZES[mix(hash, 1) & 15] ?? 1;
  return {
    id: accountId(index),
    hash,
    industry: INDUSTRIES[Math.floor(at(2) * INDUSTRIES.length)] ?? 'software',
    zone: ZONES[Math.floor(at(3) * ZONES.length)] ?? ZONES[0],
    fit: fitOf(hash),
    onboarding: 0.25 + 0.75 * at(6),
    plan: users <= 3 ? 0 : users <= 7 ? 1 : users <= 16 ? 2 : 3,
    users,
    explicit: at(7) < 0.6,
  };
}

/** Mean of three uniforms, stretched: most accounts suit well enough, some do not. */
export function fitOf(hash: number): number {
  const mean = (share(mix(hash, 11)) + share(mix(hash, 12)) + share(mix(hash, 13))) / 3;
  return Math.min(1, Math.max(0, 0.62 + (mean - 0.5) * 1.5));
}
