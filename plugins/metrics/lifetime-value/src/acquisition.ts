export interface Acquisition {
  /** Cost of acquisition ÷ CLV; null where either is unknown, or the CLV is 0. */
  readonly cacShare: number | null;
  /** Null where the share is unknown, unless something was spent for a customer who is worth nothing. */
  readonly cacStatus: 'sound' | 'warning' | null;
}

/** What winning a customer cost against what the customer is worth. */
export function acquisitionOf(cac: number | null, clv: number, limit: number): Acquisition {
  if (cac === null || cac < 0) return { cacShare: null, cacStatus: null };
  if (clv === 0) return { cacShare: null, cacStatus: cac > 0 ? 'warning' : null };
  const cacShare = cac / clv;
  return { cacShare, cacStatus: cacShare > limit ? 'warning' : 'sound' };
}
