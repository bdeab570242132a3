import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Steps } from './steps.js';

/** Runs one step in a process of its own. */
export function step<S extends keyof Steps>(name: S, argument: Parameters<Steps[S]>[0]): ReturnType<Steps[S]> {
  const module = fileURLToPath(new URL(`./steps${extname(import.meta.url)}`, import.meta.url));
  const answer = new Promise((resolve, reject) => {
    const child = fork(module, [name, JSON.stringify(argument)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let message: unknown;
    child.on('message', (given) => (message = given));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 && message !== undefined) resolve(message);
      else reject(new Error(`the step "${name}" ended with ${String(code)}`));
    });
  });
  return answer as ReturnType<Steps[S]>;
}
