import { Presets, SingleBar } from 'cli-progress';
import type { Io } from './io.js';
import { count, elapsed } from './table.js';

export interface Progress {
  /** Bytes (or whatever the total counts) of the total, and things done so far. */
  update(bytes: number, done: number): void;
  stop(): void;
}

const EVERY = 5_000;
const nothing: Progress = { update: () => undefined, stop: () => undefined };

/** A bar with rate and time left on a terminal, a line every five seconds elsewhere. `total` null: how much will come is unknown. */
export function progress(
  io: Io,
  total: number | null,
  { quiet, unit = 'lines' }: { readonly quiet: boolean; readonly unit?: string },
): Progress {
  if (quiet) return nothing;
  const started = performance.now();
  const rate = (done: number) => done / Math.max(0.001, (performance.now() - started) / 1000);
  const left = (bytes: number) => {
    if (total === null || bytes === 0) return '';
    return elapsed(((performance.now() - started) / bytes) * Math.max(0, total - bytes));
  };
  if (io.stderr.isTTY) {
    const format =
      total === null ? `{lines} ${unit}  {speed}/s` : `{bar} {percentage} %  {lines} ${unit}  {speed}/s  {left} left`;
    const bar = new SingleBar(
      { format, stream: io.stderr, hideCursor: true, clearOnComplete: true, fps: 5 },
      Presets.shades_classic,
    );
    bar.start(Math.max(1, total ?? 1), 0, { lines: '0', speed: '0', left: '?' });
    return {
      update: (bytes, done) =>
        bar.update(Math.min(bytes, total ?? 0), { lines: count(done), speed: count(rate(done)), left: left(bytes) }),
      stop: () => bar.stop(),
    };
  }
  let next = started + EVERY;
  return {
    update(bytes, done) {
      if (performance.now() < next) return;
      next = performance.now() + EVERY;
      const share =
        total === null || total === 0 ? '' : `, ${Math.floor((100 * bytes) / total)} %, ${left(bytes)} left`;
      io.stderr.write(`${count(done)} ${unit}, ${count(rate(done))}/s${share}\n`);
    },
    stop: () => undefined,
  };
}
