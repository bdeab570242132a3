import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Starts a module of this package as a process of its own, with a channel for messages; what it prints is dropped. It runs the compiled file,
 * or, where the command itself runs from TypeScript, the source through tsx.
 *
 * @param beside URL of the module that asks
 * @param name path of the module to run, relative to that, without its ending
 */
export function forkModule(beside: string, name: string, env: NodeJS.ProcessEnv = process.env): ChildProcess {
  const require = createRequire(import.meta.url);
  const source = beside.endsWith('.ts');
  return fork(fileURLToPath(new URL(`${name}${source ? '.ts' : '.js'}`, beside)), {
    env,
    execArgv: source ? ['--conditions=@rapport/source', '--import', pathToFileURL(require.resolve('tsx')).href] : [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}
