import { section } from '../section.js';

export const loading = section({
  title: 'Loading a plugin',
  groups: [
    {
      lead: 'The plugin is refused with this reason, and so is whatever depends on it; the others run. `rapport plugins` shows who.',
      codes: {
        RAPPORT_PLUGIN_MANIFEST: {
          what: 'The `package.json` is missing, or its `rapport` field is not valid.',
          todo: 'Correct the manifest; `@rapport/sdk` describes it.',
        },
        RAPPORT_PLUGIN_SDK: {
          what: 'It was written for another version of the SDK.',
          todo: 'Install a version of the plugin for this SDK, or upgrade Rapport.',
        },
        RAPPORT_PLUGIN_DUPLICATE: {
          what: 'Another package provides the same kind and id.',
          todo: 'Remove one.',
        },
        RAPPORT_PLUGIN_REQUIRES_MISSING: {
          what: 'A plugin that it requires is not installed.',
          todo: 'Install it.',
        },
        RAPPORT_PLUGIN_REQUIRES_RANGE: {
          what: 'A plugin that it requires is installed in a version that does not fit.',
          todo: 'Install versions that fit.',
        },
        RAPPORT_PLUGIN_REQUIRES_CYCLE: {
          what: 'Plugins require each other in a circle.',
          todo: 'Break the circle; the message shows it.',
        },
        RAPPORT_PLUGIN_DEPENDENCY: {
          what: 'A plugin that it needs was itself refused or left out.',
          todo: 'Make that one load first.',
        },
        RAPPORT_PLUGIN_ENTRY: {
          what: 'Its `exports` name no file inside the package.',
          todo: 'Correct `exports`, or build the plugin.',
        },
        RAPPORT_PLUGIN_IMPORT: {
          what: 'Importing its code threw.',
          todo: 'Correct it, or reinstall it.',
        },
        RAPPORT_PLUGIN_SHAPE: {
          what: 'Its default export does not define a plugin of its kind.',
          todo: 'Export `defineMetric(…)`, `defineSegment(…)`, `definePlaybook(…)`, `defineAction(…)` or `defineOperator(…)` by default.',
        },
        RAPPORT_PLUGIN_ID: {
          what: 'Its code or document has another kind or id than its manifest.',
          todo: 'Make them agree.',
        },
        RAPPORT_PLUGIN_CONFIG: {
          what: 'Its configuration does not fit its schema.',
          todo: 'Correct the key of `rapport.json` that the message names.',
        },
        RAPPORT_PLUGIN_THREW: {
          what: 'One of its functions threw while it was checked.',
          todo: 'Correct the plugin.',
        },
        RAPPORT_PLUGIN_MEASURE: {
          what: 'A measure is unknown, invalid, or different each time it is asked for.',
          todo: 'Build measures with the SDK, from the configuration alone.',
        },
        RAPPORT_PLUGIN_MEASURES_NOT_JSON: {
          what: '`measures` returned something that is not plain data.',
          todo: 'Return the SDK’s measures; no functions, dates or classes.',
        },
        RAPPORT_PLUGIN_USES_MISSING: {
          what: 'It uses a metric that is not installed.',
          todo: 'Install it, or correct the configuration.',
        },
        RAPPORT_PLUGIN_USES_CYCLE: {
          what: 'Metrics use each other in a circle.',
          todo: 'Break the circle; the message shows it.',
        },
        RAPPORT_PLUGIN_DOCUMENT: {
          what: 'Its JSON document is not valid.',
          todo: 'Correct the places that the message lists.',
        },
        RAPPORT_PLUGIN_DOCUMENT_TEST: {
          what: 'One of its document’s own tests fails.',
          todo: 'Correct the rule or the test.',
        },
        RAPPORT_PLUGIN_FACT: {
          what: 'Its rules use a fact that does not exist.',
          todo: 'Install the metric, or correct the name.',
        },
        RAPPORT_PLUGIN_SEGMENT: {
          what: 'Its trigger is a segment that does not exist.',
          todo: 'Install the segment, or correct the name.',
        },
        RAPPORT_PLUGIN_SEGMENT_CYCLE: {
          what: 'Segments depend on each other in a circle.',
          todo: 'Break the circle; the message shows it.',
        },
        RAPPORT_PLUGIN_ACTION: {
          what: 'A step calls an action that does not exist.',
          todo: 'Install the action, or correct the name.',
        },
        RAPPORT_PLUGIN_OPERATOR: {
          what: 'Rules cannot use the operator: its name is one of Rapport’s own, or its value’s schema is not valid or could take forever to check.',
          todo: 'Choose another id, or correct `value`; the message says how.',
        },
        RAPPORT_PLUGIN_EXAMPLE: {
          what: 'An operator’s example does not give the result that it states, or there is no example that holds, or none that does not.',
          todo: 'Correct the example or `test`.',
        },
        RAPPORT_PLUGIN_LOAD_TIMEOUT: {
          what: 'Loading it took too long.',
          todo: 'Look for an endless loop or `await` at the top of its module; `limits.loadMs` is the limit.',
        },
        RAPPORT_PLUGIN_LOAD_MEMORY: {
          what: 'Loading it took too much memory.',
          todo: 'Correct it; `limits.memoryMb` is the limit.',
        },
        RAPPORT_PLUGIN_CRASHED: {
          what: 'Loading it ended the plugin worker.',
          todo: 'Correct it; a plugin must not end the process.',
        },
        RAPPORT_PLUGIN_NOT_LOADED: {
          what: 'A plugin that is not loaded was called.',
          todo: 'Report it: this is a fault of Rapport.',
        },
      },
    },
  ],
});
