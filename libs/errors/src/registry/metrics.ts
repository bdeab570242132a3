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
          what: 'It took more memory than the worker has.',
          todo: 'Correct it; `limits.memoryMb` is the limit.',
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
  ],
});
