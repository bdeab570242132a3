import { section } from '../section.js';

export const authoring = section({
  title: 'SDK, testkit, simulator',
  groups: [
    {
      lead: 'Thrown to whoever calls them.',
      codes: {
        RAPPORT_MIGRATE_PACKAGE: {
          what: 'The folder to migrate holds no plugin package.',
          todo: 'Name the folder whose `package.json` has `rapport` in it.',
          exit: 'usage',
        },
        RAPPORT_MIGRATE_SOURCE: {
          what: 'A source file of the plugin to migrate cannot be read as TypeScript; nothing was changed.',
          todo: 'Correct the file that the message names, then migrate again.',
          exit: 'usage',
        },
        RAPPORT_SCAFFOLD_EXISTS: {
          says: '{folder} is not empty, and was left alone; --dir names another folder',
          what: 'The folder for a new plugin is not empty; it was left alone.',
          todo: '`--dir` names another.',
          exit: 'usage',
        },
        RAPPORT_SCAFFOLD_ID: {
          what: 'A new plugin cannot have this id.',
          todo: 'Write up to 64 lower-case letters and digits, with dashes between words.',
          exit: 'usage',
        },
        RAPPORT_SCAFFOLD_KIND: {
          what: 'A new plugin cannot be of this kind.',
          todo: 'Write `metric`, `segment`, `playbook`, `action` or `operator`.',
          exit: 'usage',
        },
        RAPPORT_SCAFFOLD_NAME: {
          what: 'npm would not take this as the name of a package, or it is in the scope `@rapport`, which is for Rapport’s own.',
          todo: 'Write one such as `@acme/metric-reports-shared`.',
          exit: 'usage',
        },
        RAPPORT_SDK_CONFIG: {
          what: 'A metric’s configuration fits its schema, but its parts do not fit together: weights that do not total 100 %, points out of order.',
          todo: 'Correct the place in the metric’s section of `rapport.json` that the message names.',
        },
        RAPPORT_SDK_DURATION: {
          what: 'A duration is not a whole number of days or weeks.',
          todo: 'Write `30d` or `2w`.',
          exit: 'usage',
        },
        RAPPORT_SDK_WINDOW: {
          what: '`startOf` or `endOf` is given a window that has no such edge.',
          todo: 'Give a window of fixed days.',
        },
        RAPPORT_TESTKIT_CALL: {
          what: 'A call of the test is not valid.',
          todo: 'Write what the message asks for.',
        },
        RAPPORT_TESTKIT_CONFIG: {
          what: 'The configuration does not fit the metric’s schema.',
          todo: 'Correct it.',
        },
        RAPPORT_TESTKIT_CONTRACT: {
          what: 'The metric breaks its contract; the message names the `RAPPORT_CONFORMANCE_…` codes.',
          todo: 'Correct the metric.',
        },
        RAPPORT_TESTKIT_METRIC: {
          what: 'The metric uses a metric or scope that the test does not provide, or metrics use each other in a circle.',
          todo: 'Provide it under `metrics` or `scopes`; break the circle.',
        },
        RAPPORT_TESTKIT_STORE: {
          what: '`CI_REQUIRE_MONGODB=1` is set, and there is no MongoDB.',
          todo: 'Start a server and set `MONGODB_URI`, or unset it.',
        },
        RAPPORT_TESTKIT_SUBJECT: {
          what: 'The metric does not support this subject, or it does not exist at that time.',
          todo: 'Choose another.',
        },
        RAPPORT_SIMULATE_OPTION: {
          what: 'An option of the simulator is not valid.',
          todo: 'Give a whole number as the message says.',
        },
      },
    },
  ],
});
