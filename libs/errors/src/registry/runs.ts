import { section } from '../section.js';

export const runs = section({
  title: 'Runs and evaluation',
  groups: [
    {
      lead: 'Nothing was written.',
      codes: {
        RAPPORT_RUN_NONE: {
          says: 'nothing has been evaluated yet; run "rapport evaluate"',
          what: 'Nothing has been evaluated yet.',
          todo: 'Run `rapport evaluate`.',
          exit: 'notFound',
        },
        RAPPORT_RUN_OLDER: {
          what: 'A later run exists, and an older one would undo its memberships.',
          todo: 'Use `rapport evaluate --as-of … --dry-run`, or `engine.evaluate`, which do not make a run.',
        },
        RAPPORT_RUN_FUTURE: {
          what: '`asOf` is in the future.',
          todo: 'Choose an instant in the past.',
        },
        RAPPORT_EVALUATE_FUTURE: {
          what: 'A document is to be tried as of an instant after the end of today.',
          todo: 'Choose today’s date, or an instant that has come.',
          status: 400,
          exit: 'usage',
        },
        RAPPORT_RUN_OPTION: {
          what: 'A run was asked for a part of itself: some subjects, metrics or levels, or another configuration.',
          todo: 'Leave the option out; `engine.evaluate` takes it and writes nothing.',
        },
        RAPPORT_EVALUATE_AS_OF: {
          what: '`asOf` is not an instant.',
          todo: 'Give epoch milliseconds.',
          status: 400,
          exit: 'usage',
        },
        RAPPORT_EVALUATE_METRIC: {
          what: 'There is no such metric.',
          todo: 'Choose one of those listed.',
          status: 404,
          exit: 'notFound',
        },
        RAPPORT_EVALUATE_CONFIG: {
          what: 'The metric does not accept the configuration that it should be evaluated with.',
          todo: 'Write what its schema asks for; the message names the place.',
          status: 400,
          exit: 'usage',
        },
        RAPPORT_HIERARCHY_CYCLE: {
          what: 'Warning: accounts are their own ancestors; they are evaluated without a parent.',
          todo: 'Correct the parent trait of one of them.',
        },
      },
    },
  ],
});
