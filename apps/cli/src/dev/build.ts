import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { RapportError } from '@rapport/errors';

/** What the compiler found, as it says it: `src/index.ts(12,3): error TS2322: …`. None: the package is built. */
export type Diagnostics = readonly string[];

export interface Builder {
  /** Resolves when the build is stopped or cannot go on. Throws `RAPPORT_DEV_BUILD` for the latter. */
  readonly ended: Promise<void>;
  stop(): void;
}

/** Whether a package is built by TypeScript. One without a `tsconfig.json` is loaded as it is. */
export const isBuilt = (dir: string): boolean => existsSync(join(dir, 'tsconfig.json'));

/** Builds a package once with the TypeScript that it has installed. Throws `RAPPORT_DEV_TYPESCRIPT`. */
export async function buildOnce(dir: string, signal: AbortSignal): Promise<Diagnostics> {
  const child = compiler(dir, []);
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  const lines: string[] = [];
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line));
  const [[code]] = (await Promise.all([once(child, 'close'), once(reader, 'close')])) as [[number | null], unknown];
  signal.removeEventListener('abort', stop);
  const told = lines.filter((line) => line.trim() !== '');
  return code === 0 ? [] : told.length > 0 ? told : [`tsc ended with ${String(code)}`];
}

/**
 * Builds a package with the TypeScript that it has installed, again whenever a source changes; the compiler itself watches the sources. Type
 * errors leave `dist` as it was. Throws `RAPPORT_DEV_TYPESCRIPT`.
 *
 * @param onBuilt called after each build
 */
export function buildOnChange(dir: string, onBuilt: (found: Diagnostics) => void): Builder {
  const child = compiler(dir, ['--watch', '--preserveWatchOutput']);
  let told: string[] = [];
  let stopped = false;
  createInterface(child.stdout).on('line', (line) => {
    if (/Starting (incremental )?compilation/.test(line)) told = [];
    else if (/Found \d+ errors?\. Watching/.test(line)) onBuilt(told);
    else if (line.trim() !== '') told.push(line);
  });
  const ended = once(child, 'close').then(([code]) => {
    if (stopped) return;
    throw new RapportError(
      'RAPPORT_DEV_BUILD',
      `the compiler ended with ${String(code)}. ${told.join(' ')} Look at tsconfig.json, and begin again.`,
    );
  });
  return {
    ended,
    stop() {
      stopped = true;
      child.kill();
    },
  };
}

function compiler(dir: string, more: readonly string[]) {
  let manifest: string;
  try {
    manifest = createRequire(join(dir, 'package.json')).resolve('typescript/package.json');
  } catch {
    throw new RapportError(
      'RAPPORT_DEV_TYPESCRIPT',
      `${dir} has a tsconfig.json, but no TypeScript is installed where it is. Run "npm install" there.`,
    );
  }
  const tsc = join(dirname(manifest), 'bin', 'tsc');
  const args = [tsc, '-p', dir, '--noEmitOnError', '--pretty', 'false', '--locale', 'en', ...more];
  return spawn(process.execPath, args, { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] });
}
