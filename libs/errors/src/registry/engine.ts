import { section } from '../section.js';

export const engine = section({
  title: 'Inside the engine',
  groups: [
    {
      lead: 'A fault of Rapport or of the machine; report it with the message.',
      codes: {
        RAPPORT_ENGINE_CLOSED: {
          what: 'The engine was used after it was closed.',
          todo: 'Close it last.',
        },
        RAPPORT_WORKER_START: {
          what: 'The plugin worker did not start.',
          todo: 'Check for too little memory, or an overloaded machine.',
        },
        RAPPORT_WORKER_THREAD: {
          what: 'The worker’s module was loaded outside a worker.',
          todo: 'Import `@rapport/engine` instead.',
        },
        RAPPORT_WORKER_FRAME: {
          what: 'The worker was asked for a frame that it does not hold.',
          todo: 'Report it.',
        },
        RAPPORT_WORKER_COLUMN: {
          what: 'The worker was not given a column that a metric needs.',
          todo: 'Report it.',
        },
      },
    },
  ],
});
