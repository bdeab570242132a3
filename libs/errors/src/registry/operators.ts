import { section } from '../section.js';

export const operators = section({
  title: 'Asking an operator of a plugin',
  groups: [
    {
      lead: "Whom it concerns stays where it is; the run and the preview report the rule's error, `rapport rules explain` and `test` show it. Other rules are not harmed.",
      codes: {
        RAPPORT_OPERATOR_THREW: {
          what: '`test` threw, or returned neither true nor false.',
          todo: 'Correct the plugin; the message names a fact.',
        },
        RAPPORT_OPERATOR_TIMEOUT: {
          what: 'It was stopped at a fact because it took longer than `limits.operatorMs` (5000) for up to 50,000 facts.',
          todo: 'Make it faster; look for an endless loop.',
        },
        RAPPORT_OPERATOR_MEMORY: {
          what: 'It was stopped at a fact because it used more memory than the worker has.',
          todo: 'Correct it; `limits.memoryMb` is the limit.',
        },
        RAPPORT_OPERATOR_CRASHED: {
          what: 'It ended the worker at a fact.',
          todo: 'Correct it; a plugin must not end the process.',
        },
        RAPPORT_OPERATOR_SWITCHED_OFF: {
          what: 'It was stopped three times, and is not called again until Rapport restarts.',
          todo: 'Correct it, and restart Rapport.',
        },
        RAPPORT_OPERATOR_INTERRUPTED: {
          what: 'It could not be called because other plugins kept ending the worker.',
          todo: 'The run’s report says which.',
        },
      },
    },
  ],
});
