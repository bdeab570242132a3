import { section } from '../section.js';

export const documents = section({
  title: 'Segment and playbook documents',
  exit: 'usage',
  groups: [
    {
      lead: 'The document is refused; the message has the JSON Pointer of the place.',
      codes: {
        RAPPORT_RULES_SHAPE: {
          what: 'It is not of the documented form.',
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
          what: 'Segments depend on each other, or named conditions refer to each other, in a circle.',
          todo: 'Remove one of the `segment.` facts, or one of the references.',
        },
        RAPPORT_RULES_REFERENCE: {
          what: 'A condition that is referred to by name does not exist.',
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
          what: 'A condition is true of nobody.',
          todo: 'Correct it, or remove it.',
        },
        RAPPORT_RULES_ALWAYS_TRUE: {
          what: 'A condition is true of everybody whose facts are known.',
          todo: 'Correct it, or remove it.',
        },
        RAPPORT_RULES_DUPLICATE: {
          what: 'The same is said twice.',
          todo: 'Keep one.',
        },
        RAPPORT_RULES_SHADOWED: {
          what: 'Nobody gets to a band: earlier ones take all.',
          todo: 'Move it up, or narrow the others.',
        },
        RAPPORT_RULES_OVERLAP: {
          what: 'Two bands are true of the same subject; the first wins.',
          todo: 'Part them, if the order was not meant.',
        },
        RAPPORT_RULES_GAP: {
          what: 'No band is true of some subjects between two bands.',
          todo: 'Widen one, if the gap was not meant.',
        },
        RAPPORT_RULES_ENTER_AND_EXIT: {
          what: 'Enter and exit are true at once.',
          todo: 'Part them: members would come and go.',
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
          what: 'A trait is compared with a text that it never is in the data.',
          todo: 'Correct the text; the message lists those that the trait has.',
        },
        RAPPORT_RULES_CANNOT_TELL: {
          what: 'It was not decided whether something is odd.',
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
          todo: 'Look at the message; other rules are not harmed.',
        },
      },
    },
  ],
});
