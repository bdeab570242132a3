import type { FindingCode } from './finding.js';

/** What a pure function must not touch, and what it is. */
interface Forbidden {
  readonly code: FindingCode;
  readonly what: string;
}
const clock = (what: string): Forbidden => ({ code: 'RAPPORT_CONFORMANCE_CLOCK', what });
const chance = (what: string): Forbidden => ({ code: 'RAPPORT_CONFORMANCE_CHANCE', what });

const LOCAL = [
  ...['FullYear', 'Month', 'Date', 'Hours', 'Minutes'].flatMap((field) => [`get${field}`, `set${field}`]),
  ...['getDay', 'getYear', 'getTimezoneOffset', 'toString', 'toDateString', 'toTimeString'],
  ...['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'],
];

const methods: readonly (readonly [owner: object, name: string, Forbidden])[] = [
  [Date, 'now', clock('Date.now()')],
  [performance, 'now', clock('performance.now()')],
  [Math, 'random', chance('Math.random()')],
  // It reads the clock by itself, which is not what to look for.
  [globalThis, 'fetch', { code: 'RAPPORT_CONFORMANCE_IMPURE', what: 'the network (fetch)' }],
  [crypto, 'randomUUID', chance('crypto.randomUUID()')],
  [crypto, 'getRandomValues', chance('crypto.getRandomValues()')],
  ...LOCAL.map((name) => [Date.prototype, name, clock(`the machine's time zone (Date.${name})`)] as const),
];

let watchers = 0;
let touched: Forbidden | null = null;
const note = (forbidden: Forbidden) => {
  touched ??= forbidden;
};

/** The first of clock, chance and the machine's time zone that a call uses; they work as always. */
export function watched<T>(call: () => T): { readonly result: T; readonly touched: Forbidden | null } {
  return underWatch(() => {
    touched = null;
    const result = call();
    return { result, touched };
  });
}

/** Keeps the watch up for many calls of `watched`; putting it up costs more than most calls. */
export function underWatch<T>(run: () => T): T {
  const restore = watchers++ === 0 ? putUp() : [];
  try {
    return run();
  } finally {
    watchers--;
    for (const undo of restore.reverse()) undo();
  }
}

function putUp(): (() => void)[] {
  const replaced = methods.map(([owner, name, forbidden]) =>
    replace(
      owner,
      name,
      (original) =>
        function (this: unknown, ...args: unknown[]): unknown {
          note(forbidden);
          return Reflect.apply(original, this, args);
        },
    ),
  );
  const watchedDate = (original: Callable) =>
    new Proxy(original, {
      construct(target, args: unknown[], as) {
        if (args.length === 0) note(clock('new Date()'));
        if (args.length > 1) note(clock("the machine's time zone (new Date(year, month, …))"));
        return Reflect.construct(target, args, as) as object;
      },
      apply(target, self, args: unknown[]) {
        note(clock('Date()'));
        return Reflect.apply(target, self, args);
      },
    });
  return [...replaced, replace(globalThis, 'Date', watchedDate)];
}

type Callable = (...args: unknown[]) => unknown;

function replace(owner: object, name: string, by: (original: Callable) => unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  const value = by(Reflect.get(owner, name) as Callable);
  Object.defineProperty(owner, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    if (own) Object.defineProperty(owner, name, own);
    else Reflect.deleteProperty(owner, name);
  };
}
