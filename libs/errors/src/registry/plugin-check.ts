import { section } from '../section.js';

export const pluginCheck = section({
  title: '`rapport plugin check`',
  groups: [
    {
      lead: 'Findings about a plugin package, beside those of loading it (`RAPPORT_PLUGIN_*`) and of the testkit (`RAPPORT_CONFORMANCE_*`). Nothing is refused for them; the command ends with 4.',
      column: 'what was found',
      codes: {
        RAPPORT_CHECK_CHANGELOG: {
          what: 'There is no `CHANGELOG.md`, or it has no heading for this version.',
          todo: 'Say what this version brings, under `## <version>`.',
        },
        RAPPORT_CHECK_CONFORMANCE: {
          what: 'The metric or operator could not be tried on random data.',
          todo: 'Read the message.',
        },
        RAPPORT_CHECK_DOCUMENT_TESTS: {
          what: 'A segment’s document has no test that expects one of its bands (or `in`, or `out`).',
          todo: 'Add an example of each: facts, and where they put a subject.',
        },
        RAPPORT_CHECK_EXAMPLE: {
          what: 'The README has no example.',
          todo: 'Show a configuration, or events and their result, in a fenced block.',
        },
        RAPPORT_CHECK_INTERRUPTED: {
          says: 'the check was interrupted',
          what: 'The check was interrupted.',
          todo: 'Run it again.',
          exit: 'interrupted',
        },
        RAPPORT_CHECK_KEYWORD: {
          what: 'The package lacks the keyword by which plugins are found.',
          todo: 'Add `rapport-plugin` to `keywords`.',
        },
        RAPPORT_CHECK_LICENSE: {
          what: '`package.json` has no licence.',
          todo: 'Write an SPDX id such as `MIT`, or `UNLICENSED`.',
        },
        RAPPORT_CHECK_OPTION_DEFAULT: {
          what: 'The default of an option does not fit its schema.',
          todo: 'Correct the default or the schema.',
        },
        RAPPORT_CHECK_OPTION_DESCRIPTION: {
          what: 'An option, or an action’s input, has no description.',
          todo: 'Say in one sentence what it sets, and in which unit.',
        },
        RAPPORT_CHECK_PEER: {
          what: 'The SDK is not the plugin’s peer with the manifest’s range, or is its own dependency; or a plugin that it requires is neither its peer nor its dependency.',
          todo: 'Name both in `peerDependencies`, and the SDK nowhere else.',
        },
        RAPPORT_CHECK_README: {
          what: 'There is no README.',
          todo: 'Write one.',
        },
        RAPPORT_CHECK_README_TABLE: {
          what: 'The README’s table of options or parts does not agree with the code.',
          todo: 'Correct the row that the message names.',
        },
        RAPPORT_CHECK_REQUIRES: {
          what: 'It refers to a plugin that its manifest does not require.',
          todo: 'Add it to `requires`, with a range.',
        },
        RAPPORT_CHECK_SECRET: {
          what: 'An option looks like a secret, but would be shown.',
          todo: 'Add `secret: true` to its schema.',
        },
        RAPPORT_CHECK_STALE: {
          what: 'A source of the plugin was saved after `dist` was built from it; `dist` is what runs.',
          todo: 'Build the plugin.',
        },
        RAPPORT_CHECK_TIMEOUT: {
          what: 'Trying the metric in random worlds took too long.',
          todo: 'Look for a loop without end, or try fewer worlds (`--runs`).',
        },
      },
    },
  ],
});
