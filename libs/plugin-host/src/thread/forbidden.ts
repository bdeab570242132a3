/* What metrics and operators must not reach for: their numbers follow from events and `asOf` alone. */

/** Code of a refusal, and what to do instead. */
export const kinds = {
  RAPPORT_PLUGIN_CLOCK: 'Use context.asOf and context.calendar',
  RAPPORT_PLUGIN_ZONE: "The machine's time zone is not the workspace's. Use context.calendar, or the UTC methods",
  RAPPORT_PLUGIN_CHANCE: 'Compute from the events alone',
  RAPPORT_PLUGIN_TIMER: 'Return the result at once',
  RAPPORT_PLUGIN_NETWORK: 'Only actions reach other machines, through context.http',
  RAPPORT_PLUGIN_FILES: 'Put what it needs into its configuration, or into its code',
  RAPPORT_PLUGIN_PROCESS: 'It shares its process with other plugins',
} as const;
export type ForbiddenCode = keyof typeof kinds;
export interface Forbidden {
  readonly code: ForbiddenCode;
  /** The API, as an author writes it. */
  readonly api: string;
}

const LOCAL = [
  ...['FullYear', 'Month', 'Date', 'Hours', 'Minutes'].flatMap((field) => [`get${field}`, `set${field}`]),
  ...['getDay', 'getYear', 'getTimezoneOffset', 'toString', 'toDateString', 'toTimeString'],
  ...['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'],
];

/** Methods that are refused: their owner, name, and as what. `new Date()` is apart: see `dateOver`. */
export const forbiddenMethods: readonly (readonly [owner: object, name: string, Forbidden])[] = [
  [Date, 'now', { code: 'RAPPORT_PLUGIN_CLOCK', api: 'Date.now()' }],
  [performance, 'now', { code: 'RAPPORT_PLUGIN_CLOCK', api: 'performance.now()' }],
  [Math, 'random', { code: 'RAPPORT_PLUGIN_CHANCE', api: 'Math.random()' }],
  [crypto, 'randomUUID', { code: 'RAPPORT_PLUGIN_CHANCE', api: 'crypto.randomUUID()' }],
  [crypto, 'getRandomValues', { code: 'RAPPORT_PLUGIN_CHANCE', api: 'crypto.getRandomValues()' }],
  ...LOCAL.map((name) => [Date.prototype, name, { code: 'RAPPORT_PLUGIN_ZONE', api: `Date.${name}()` }] as const),
];

/** A `Date` that refuses what reads the clock or the machine's time zone, and does everything else. */
export function dateOver(original: DateConstructor, refuse: (forbidden: Forbidden) => void): DateConstructor {
  return new Proxy(original, {
    construct(target, args: unknown[], as) {
      if (args.length === 0) refuse({ code: 'RAPPORT_PLUGIN_CLOCK', api: 'new Date()' });
      if (args.length > 1) refuse({ code: 'RAPPORT_PLUGIN_ZONE', api: 'new Date(year, month, …)' });
      return Reflect.construct(target, args, as) as object;
    },
    apply(target) {
      refuse({ code: 'RAPPORT_PLUGIN_CLOCK', api: 'Date()' });
      return target();
    },
  });
}
