import type { HttpResponse, Outcome } from '@rapport/sdk';

/** Client errors that another attempt may mend: timeout, too early, too many requests. */
const passing = new Set([408, 425, 429]);

/** What a response says about the delivery. `now` (epoch ms) is when it came. */
export function judge(response: HttpResponse, now: number): Outcome {
  const { status, body } = response;
  if (status >= 200 && status < 300) return { delivered: true, detail: `HTTP ${status}` };
  const said = body.trim().slice(0, 200);
  const reason = `HTTP ${status}${advice(status)}${said && `: ${said}`}`;
  const retry = status >= 500 || passing.has(status);
  const retryAfterMs = retry ? retryAfter(response, now) : null;
  return { delivered: false, retry, reason, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
}

/** Faults of the request itself, which another attempt repeats. */
const lasting = ['RAPPORT_HTTP_URL', 'RAPPORT_HTTP_PRIVATE_ADDRESS', 'RAPPORT_HTTP_REQUEST'];

/** No response at all: the other side may be there the next time. */
export function unreachable(error: unknown): Outcome {
  const reason = error instanceof Error ? error.message : String(error);
  return { delivered: false, retry: !lasting.some((code) => reason.includes(code)), reason };
}

function advice(status: number): string {
  if (status === 410) return ' (the receiver wants no more of these: disable the playbook or change the webhook’s url)';
  return status >= 300 && status < 400
    ? ' (redirects are not followed: set the webhook’s url to the final address)'
    : '';
}

/** `Retry-After` in seconds or as a date, in ms from `now`; null when absent or not understood. */
function retryAfter({ headers }: HttpResponse, now: number): number | null {
  const value =
    Object.entries(headers)
      .find(([name]) => name.toLowerCase() === 'retry-after')?.[1]
      .trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = value.endsWith(' GMT') ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
