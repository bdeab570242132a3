import { section } from '../section.js';

export const publishing = section({
  title: 'Trying and publishing rules',
  exit: 'refused',
  groups: [
    {
      codes: {
        RAPPORT_RULES_REFUSED: {
          what: 'The document cannot come into force; the message says why and where.',
          todo: 'Correct it.',
          status: 422,
        },
        RAPPORT_RULES_MISSING: {
          what: 'There is no such file, and no rule of that id.',
          todo: 'Choose one of those listed.',
          exit: 'notFound',
        },
        RAPPORT_RULES_FILE: {
          what: 'A file in `rules/` cannot be read, or does not end in `.json`.',
          todo: 'Rename it, or move it elsewhere.',
        },
        RAPPORT_RULES_VERIFY: {
          what: 'The document that is to be verified is not in force.',
          todo: 'Choose one of those listed.',
          status: 404,
          exit: 'notFound',
        },
        RAPPORT_RULES_BACKTEST: {
          what: 'The days, horizon or bands of a backtest are not valid.',
          todo: 'Write what the message asks for.',
          status: 400,
          exit: 'usage',
        },
        RAPPORT_RULES_CHANGE: {
          what: 'A change has no author or no reason.',
          todo: 'Give both.',
          status: 400,
          exit: 'usage',
        },
        RAPPORT_RULES_ELSEWHERE: {
          what: 'A file or package provides the document, or `rapport.json` leaves it out.',
          todo: 'Change it there, or remove it there first.',
          status: 409,
        },
        RAPPORT_RULES_UNCHANGED: {
          what: 'It is the same as what is in force.',
          todo: 'Nothing has to be done.',
          status: 409,
        },
        RAPPORT_RULES_VERSION: {
          what: 'There is no such version, or it cannot be restored.',
          todo: '`rapport rules versions` lists them.',
          status: 404,
          exit: 'notFound',
        },
        RAPPORT_RULES_APPROVAL: {
          what: 'Whoever proposed a version cannot approve it.',
          todo: 'Somebody else has to approve.',
          status: 403,
        },
        RAPPORT_RULES_USED: {
          what: 'Another document needs the one that you want to change or retire.',
          todo: 'Change or retire that one first.',
          status: 409,
        },
      },
    },
  ],
});
