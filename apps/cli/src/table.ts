import Table from 'cli-table3';

const bare = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Columns of text without lines around them. Numbers in columns named in `right` are aligned to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const t = new Table({
    head: [...head],
    chars: bare,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, i) => (right.includes(i) ? 'right' : 'left')),
  });
  for (const row of rows) t.push([...row]);
  return t
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n');
}

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });
const coarse = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** `12,345` */
export const count = (n: number): string => whole.format(n);

/** A metric's value with its unit; a dash for null. */
export function quantity(value: number | null, unit: string): string {
  if (value === null) return '—';
  switch (unit) {
    case 'ratio':
      return fine.format(value);
    case 'percent':
      return `${coarse.format(value)} %`;
    case 'seconds':
      return `${coarse.format(value)} s`;
    case 'hours':
      return `${coarse.format(value)} h`;
    case 'days':
      return `${coarse.format(value)} d/wk`;
    case 'time':
      return new Date(value).toISOString();
    default:
      return coarse.format(value);
  }
}

/** `3.2 s`, `4 min 10 s` */
export function elapsed(ms: number): string {
  if (ms < 60_000) return `${coarse.format(ms / 1000)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
