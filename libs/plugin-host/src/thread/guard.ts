import { createRequire, syncBuiltinESMExports } from 'node:module';
import { EngineError } from '../error.js';
import { dateOver, forbiddenMethods, kinds, type Forbidden, type ForbiddenCode } from './forbidden.js';

/*
 * Takes clock, chance, network, files and the process away from the code that runs in this thread. What is refused throws and names
 * the API. Import this after everything that the thread itself needs, and before any plugin.
 */

const MODULES: Readonly<Record<string, ForbiddenCode>> = {
  fs: 'RAPPORT_PLUGIN_FILES',
  'fs/promises': 'RAPPORT_PLUGIN_FILES',
  net: 'RAPPORT_PLUGIN_NETWORK',
  tls: 'RAPPORT_PLUGIN_NETWORK',
  dgram: 'RAPPORT_PLUGIN_NETWORK',
  dns: 'RAPPORT_PLUGIN_NETWORK',
  'dns/promises': 'RAPPORT_PLUGIN_NETWORK',
  http: 'RAPPORT_PLUGIN_NETWORK',
  https: 'RAPPORT_PLUGIN_NETWORK',
  http2: 'RAPPORT_PLUGIN_NETWORK',
  timers: 'RAPPORT_PLUGIN_TIMER',
  'timers/promises': 'RAPPORT_PLUGIN_TIMER',
  child_process: 'RAPPORT_PLUGIN_PROCESS',
  worker_threads: 'RAPPORT_PLUGIN_PROCESS',
  cluster: 'RAPPORT_PLUGIN_PROCESS',
  inspector: 'RAPPORT_PLUGIN_PROCESS',
  'inspector/promises': 'RAPPORT_PLUGIN_PROCESS',
  repl: 'RAPPORT_PLUGIN_PROCESS',
  v8: 'RAPPORT_PLUGIN_PROCESS',
  vm: 'RAPPORT_PLUGIN_PROCESS',
  wasi: 'RAPPORT_PLUGIN_PROCESS',
};
const PROCESS: Readonly<Record<string, ForbiddenCode>> = {
  hrtime: 'RAPPORT_PLUGIN_CLOCK',
  uptime: 'RAPPORT_PLUGIN_CLOCK',
  ...Object.fromEntries(
    [
      ...['exit', 'reallyExit', 'abort', 'kill', 'chdir', 'binding', '_linkedBinding', 'dlopen', 'umask'],
      ...['setUncaughtExceptionCaptureCallback', 'setSourceMapsEnabled', 'loadEnvFile', 'emitWarning'],
    ].map((name) => [name, 'RAPPORT_PLUGIN_PROCESS']),
  ),
};
const GLOBALS: Readonly<Record<string, ForbiddenCode>> = {
  setTimeout: 'RAPPORT_PLUGIN_TIMER',
  setInterval: 'RAPPORT_PLUGIN_TIMER',
  setImmediate: 'RAPPORT_PLUGIN_TIMER',
  fetch: 'RAPPORT_PLUGIN_NETWORK',
  WebSocket: 'RAPPORT_PLUGIN_NETWORK',
  EventSource: 'RAPPORT_PLUGIN_NETWORK',
  BroadcastChannel: 'RAPPORT_PLUGIN_NETWORK',
};

function refuse({ code, api }: Forbidden): never {
  throw new EngineError(code, `${api} is not for metrics and operators. ${kinds[code]}.`);
}

/** A function that refuses. Called by Node itself, as when it imports a module, it does what it did. */
function refusing(forbidden: Forbidden, original?: (...args: never[]) => unknown) {
  return function (this: unknown, ...args: never[]): unknown {
    const caller = original && new Error().stack?.split('\n')[2];
    if (caller?.includes('node:internal/') && original) return Reflect.apply(original, this, args);
    return refuse(forbidden);
  };
}

type Owner = Record<string, unknown>;
const isFunction = (value: unknown): value is (...args: never[]) => unknown => typeof value === 'function';
const put = (owner: object, name: string, value: unknown) =>
  Object.defineProperty(owner, name, { value, writable: true, configurable: true, enumerable: true });

const require = createRequire(import.meta.url);
// All of them first: some are made from others.
const modules = Object.entries(MODULES).map(([name, code]) => ({
  name,
  code,
  module: require(`node:${name}`) as Owner,
}));
for (const { name, code, module } of modules)
  for (const key of Object.keys(module)) {
    // Sub-modules such as fs.promises are in the list themselves.
    if (!isFunction(module[key])) continue;
    put(module, key, refusing({ code, api: `${name}.${key}()` }, module[key]));
  }
for (const key of ['parentPort', 'workerData']) put(require('node:worker_threads') as Owner, key, null);
const nodeModule = require('node:module') as Owner;

for (const name of [
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'pseudoRandomBytes',
  'generateKey',
  'generateKeySync',
  'generateKeyPair',
  'generateKeyPairSync',
  'generatePrime',
  'generatePrimeSync',
])
  // prettier-ignore
  put(require('node:crypto') as Owner, name, refusing({ code: 'RAPPORT_PLUGIN_CHANCE', api: `crypto.${name}()` }));
syncBuiltinESMExports();
for (const key of ['register', 'syncBuiltinESMExports', 'runMain'])
  put(nodeModule, key, refusing({ code: 'RAPPORT_PLUGIN_PROCESS', api: `module.${key}()` }));

for (const [name, code] of Object.entries(PROCESS)) {
  const original: unknown = Reflect.get(process, name);
  if (isFunction(original)) put(process, name, refusing({ code, api: `process.${name}()` }, original));
}
const noWrite = (_: object, key: string | symbol): never =>
  refuse({ code: 'RAPPORT_PLUGIN_PROCESS', api: `Writing process.env.${String(key)}` });
put(process, 'env', new Proxy({ ...process.env }, { set: noWrite, defineProperty: noWrite, deleteProperty: noWrite }));
for (const [name, code] of Object.entries(GLOBALS))
  if (name in globalThis) put(globalThis, name, refusing({ code, api: `${name}()` }));
for (const name of ['wait', 'waitAsync'])
  if (name in Atomics) put(Atomics, name, refusing({ code: 'RAPPORT_PLUGIN_TIMER', api: `Atomics.${name}()` }));
for (const [owner, name, forbidden] of forbiddenMethods) put(owner, name, refusing(forbidden));
const date = dateOver(Date, refuse);
put(globalThis, 'Date', date);
put(date.prototype, 'constructor', date);
