import { section } from '../section.js';

export const metrics = section({
  title: 'Computing a metric',
  groups: [
    {
      lead: 'The subjects concerned have no value, with the reason `error`; the run goes on and its report counts them.',
      codes: {
        RAPPORT_METRIC_THREW: {
          what: '`compute` threw.',
          todo: 'Correct the plugin; the message names a subject.',
        },
        RAPPORT_METRIC_TIMEOUT: {
          what: 'It took longer than its budget for all subjects.',
          todo: 'Make it faster; `limits.metricMs` is the limit.',
        },
        RAPPORT_METRIC_MEMORY: {
          what: 'It took more memory than its thread may hold.',
          todo: 'Correct it; `limits.memoryMb` is the limit.',
        },
        RAPPORT_METRIC_STATE: {
          what: 'It gave another result for the same subject when it was computed again: it keeps state between calls.',
          todo: 'Let `compute` use nothing but its inputs; the message names a subject.',
        },
        RAPPORT_METRIC_INVALID_VALUE: {
          what: 'A value is not finite, outside the declared range, or has an undeclared part.',
          todo: 'Correct the plugin; return `noData(reason)` where there is no value.',
        },
        RAPPORT_METRIC_SWITCHED_OFF: {
          what: 'It failed for too many subjects in a row.',
          todo: 'Correct it; `limits.metricFailures` is the limit.',
        },
        RAPPORT_METRIC_NOT_USED: {
          what: 'It reads a metric that its `uses` does not name.',
          todo: 'Name it in `uses`.',
        },
        RAPPORT_METRIC_NO_PORTFOLIO: {
          what: 'It was asked for the portfolio, which it has no `portfolio` function for.',
          todo: 'Report it: this is a fault of Rapport.',
        },
      },
    },
    {
      lead: 'What metrics and operators do not get: their results follow from events, configuration and `asOf` alone. The call throws.',
      codes: {
        RAPPORT_PLUGIN_CLOCK: {
          what: 'It read the clock: `Date.now()`, `new Date()`, `performance.now()`, `process.hrtime()`.',
          todo: 'Use `context.asOf` and `context.calendar`.',
        },
        RAPPORT_PLUGIN_ZONE: {
          what: 'It read the machine’s time zone, as `getHours()` or `new Date(year, month)` do.',
          todo: 'Use `context.calendar`, or the UTC methods of `Date`.',
        },
        RAPPORT_PLUGIN_CHANCE: {
          what: 'It asked for a random value.',
          todo: 'Compute from the events alone.',
        },
        RAPPORT_PLUGIN_TIMER: {
          what: 'It set a timer or waited.',
          todo: 'Return the result at once.',
        },
        RAPPORT_PLUGIN_NETWORK: {
          what: 'It reached for the network.',
          todo: 'Send events to Rapport instead; only actions reach other machines, through `context.http`.',
        },
        RAPPORT_PLUGIN_FILES: {
          what: 'It reached for files.',
          todo: 'Put what it needs into its configuration or its code.',
        },
        RAPPORT_PLUGIN_PROCESS: {
          what: 'It reached for the process that it shares with other plugins: `process.exit()`, `process.env`, threads, child processes.',
          todo: 'Remove that call.',
        },
      },
    },
  ],
});
