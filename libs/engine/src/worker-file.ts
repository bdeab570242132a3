import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Whether Rapport itself runs from TypeScript: in tests and in `npm run dev`. */
export const fromSource = import.meta.url.endsWith('.ts');

/**
 * Starts a worker thread from a compiled file, or, where Rapport itself runs from TypeScript, from its source through tsx. What the thread prints
 * is for the caller to read: its standard output and error are streams of their own.
 *
 * @param entry the worker's file, with the ending of the caller's: `new URL('./worker.js', import.meta.url)`
 */
export function startWorker(entry: URL, options: WorkerOptions): Worker {
  const separate = { ...options, stdout: true, stderr: true };
  if (!fromSource) return new Worker(entry, { ...separate, execArgv: [] });
  const source = pathToFileURL(fileURLToPath(entry).replace(/\.js$/, '.ts')).href;
  // `--import tsx` does not reach a worker in Node 20, so the loader is registered from within.
  const tsx = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href;
  const start = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(source)}); })`;
  return new Worker(start, { ...separate, eval: true, execArgv: ['--conditions=@rapport/source'] });
}
