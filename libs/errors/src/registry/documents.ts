import { section } from '../section.js';

export const documents = section({
  title: 'Segment and playbook documents',
  exit: 'usage',
  groups: [
    {
      lead: 'The document is refused; the message has the JSON Pointer of the place.',
      codes: {
        RAPPORT_RULES_SHAPE: {
          what: 'The document does not have the documented form.',
          todo: 'Correct the place.',
        },
        RAPPORT_RULES_DEPTH: {
          what: 'Conditions nest too deeply.',
          todo: 'Split the rule into segments.',
        },
        RAPPORT_RULES_EMPTY: {
          what: 'An empty `any` can never be true.',
          todo: 'Name a condition, or remove it.',
        },
        RAPPORT_RULES_OPERATOR: {
          what: 'The operator is not known.',
          todo: 'Choose one from the list, or install the plugin that brings it.',
        },
        RAPPORT_RULES_VALUE: {
          what: 'The value does not suit the operator.',
          todo: 'Write what the message asks for.',
        },
        RAPPORT_RULES_FACT: {
          what: 'There is no such fact.',
          todo: 'Correct the name, or install the metric.',
        },
        RAPPORT_RULES_TYPE: {
          what: 'The fact is of another type than the comparison.',
          todo: 'Compare it with a value of its type.',
        },
        RAPPORT_RULES_SIZE: {
          what: 'The text is too large, or there are too many conditions or patterns.',
          todo: 'Split it; refer to fewer.',
        },
        RAPPORT_RULES_JSON: {
          what: 'It is not JSON.',
          todo: 'Correct the place.',
        },
        RAPPORT_RULES_DUPLICATE_KEY: {
          what: 'A key is there twice in one object.',
          todo: 'Keep one.',
        },
        RAPPORT_RULES_KIND: {
          what: '`kind` is neither `segment` nor `playbook`.',
          todo: 'Correct it.',
        },
        RAPPORT_RULES_TEST: {
          what: "One of the document's own tests fails.",
          todo: 'Correct the rule, or the test.',
        },
        RAPPORT_RULES_CYCLE: {
          what: 'Segments, or named conditions, depend on each other in a circle.',
          todo: 'Remove one of the `segment.` facts, or one of the references.',
        },
        RAPPORT_RULES_REFERENCE: {
          what: 'A condition refers to a name that is not defined.',
          todo: 'Define it under `conditions`, or correct the name.',
        },
        RAPPORT_RULES_ACTION: {
          what: "A step's action is not installed, or does not take this input.",
          todo: 'Install it, or correct the step.',
        },
      },
    },
    {
      lead: 'What lint finds odd (warnings), each with an example:',
      column: 'what is odd',
      codes: {
        RAPPORT_RULES_NEVER_TRUE: {
          what: 'A condition can never be true.',
          todo: 'Correct it, or remove it.',
        },
        RAPPORT_RULES_ALWAYS_TRUE: {
          what: 'A condition is true for everybody whose facts are known.',
          todo: 'Correct it, or remove it.',
        },
        RAPPORT_RULES_DUPLICATE: {
          what: 'The same condition is there twice.',
          todo: 'Keep one.',
        },
        RAPPORT_RULES_SHADOWED: {
          what: 'Nobody reaches a band because earlier ones take everybody.',
          todo: 'Move it up, or narrow the others.',
        },
        RAPPORT_RULES_OVERLAP: {
          what: 'Two bands are true for the same subject; the first wins.',
          todo: 'Separate them, unless the order is intended.',
        },
        RAPPORT_RULES_GAP: {
          what: 'Between two bands, some subjects are in none.',
          todo: 'Widen one, unless the gap is intended.',
        },
        RAPPORT_RULES_ENTER_AND_EXIT: {
          what: 'Enter and exit can be true at once.',
          todo: 'Separate them: members would enter and leave in every run.',
        },
        RAPPORT_RULES_UNUSED: {
          what: 'No rule refers to a named condition.',
          todo: 'Use it, or remove it.',
        },
        RAPPORT_RULES_TRAIT: {
          what: 'Nobody has ever had a trait that the document reads.',
          todo: 'Correct the name; the message suggests the nearest.',
        },
        RAPPORT_RULES_TRAIT_TYPE: {
          what: 'A trait is compared with a value of another type than the data has.',
          todo: 'Compare it with a value of its type.',
        },
        RAPPORT_RULES_TRAIT_VALUE: {
          what: 'A trait is compared with a text that it never has in the data.',
          todo: 'Correct the text; the message lists those that the trait has.',
        },
        RAPPORT_RULES_TIME: {
          what: 'A trait that the document reads as a time is none for some subjects.',
          todo: 'Send it in a notation that [can be read](times.md).',
        },
        RAPPORT_RULES_CANNOT_TELL: {
          what: 'Lint could not decide whether something is wrong.',
          todo: 'Nothing has to be done.',
        },
      },
    },
    {
      lead: "In the `compat` mode, which takes json-rules-engine's own documents:",
      codes: {
        RAPPORT_RULES_PATH: {
          what: 'A path is more than names and places in lists.',
          todo: 'Write `$.a.b[0]`; prepare anything else as a fact.',
        },
        RAPPORT_RULES_FAILED: {
          what: 'An operator or a fact failed for one evaluation of one rule.',
          todo: 'Read the message; other rules are not affected.',
        },
      },
    },
  ],
});
