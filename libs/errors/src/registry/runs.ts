import { section } from '../section.js';

export const runs = section({
  title: 'Runs and evaluation',
  groups: [
    {
      lead: 'Nothing was written.',
      codes: {
        RAPPORT_RUN_NONE: {
          what: 'There is no run yet.',
          todo: '`rapport evaluate` makes one.',
          exit: 'notFound',
        },
        RAPPORT_RUN_OLDER: {
          what: 'A later run stands; an older one would undo its memberships.',
          todo: 'Look at the past without a run: `rapport evaluate --as-of …` does, and `engine.evaluate`.',
        },
        RAPPORT_RUN_FUTURE: {
          what: '`asOf` has not come yet.',
          todo: 'Choose an instant that has come.',
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
          what: 'A metric was to be evaluated with another configuration, which it does not take.',
          todo: 'Write what its schema asks for; the message names the place.',
          status: 400,
          exit: 'usage',
        },
        RAPPORT_HIERARCHY_CYCLE: {
          what: 'A warning: accounts are their own ancestors, and are evaluated without a parent.',
          todo: "Correct the parent's trait of one of them.",
        },
      },
    },
  ],
});
