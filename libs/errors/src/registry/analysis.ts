import { section } from '../section.js';

export const analysis = section({
  title: 'Trends, cohorts, attribution',
  exit: 'usage',
  groups: [
    {
      lead: 'Nothing was computed. A backfill keeps the days that it had done.',
      codes: {
        RAPPORT_ANALYSIS_OPTION: {
          what: 'An option is out of range, or a day does not exist or is not over yet.',
          todo: 'Write what the message asks for.',
          status: 400,
        },
        RAPPORT_ANALYSIS_SUBJECT: {
          what: 'The metric has no values for this kind of subject.',
          todo: 'Ask for one of those listed.',
          status: 400,
        },
        RAPPORT_ANALYSIS_UNKNOWN_SUBJECT: {
          what: 'There was no such account or user at that time.',
          todo: 'Check the id: it is compared exactly.',
          status: 404,
          exit: 'notFound',
        },
        RAPPORT_ANALYSIS_TRAIT: {
          what: 'Nobody has that trait.',
          todo: 'Correct the name; the message lists the traits.',
          status: 400,
        },
        RAPPORT_ANALYSIS_COHORT: {
          what: 'There is no such cohort.',
          todo: 'Choose one of those listed.',
          status: 404,
          exit: 'notFound',
        },
        RAPPORT_ANALYSIS_RUN: {
          what: 'There is no such run.',
          todo: 'The message names the latest run.',
          status: 404,
          exit: 'notFound',
        },
        RAPPORT_ANALYSIS_NO_CONTRIBUTIONS: {
          what: 'The metric does not declare contributions.',
          todo: 'Choose one of those listed.',
          status: 400,
        },
        RAPPORT_ANALYSIS_NO_EVIDENCE: {
          what: 'The metric has no comments behind it.',
          todo: 'Choose one of those listed.',
          status: 400,
        },
      },
    },
  ],
});
