import { Type } from 'typebox';
import { allOf, atLeast, atMost, equal, exists, type Filter, not } from './filter.js';
import type { Evidence } from './metric.js';
import type { Window } from './window.js';

/** Where a survey's responses are found. */
export interface Survey {
  readonly survey: string;
  readonly event: string;
  readonly surveyProperty: string;
  readonly scoreProperty: string;
  readonly commentProperty: string;
}

/** Configuration options of a metric over a survey, to be spread into its schema. `initial` is the survey's usual name in events. */
export const surveyOptions = (initial: string) => ({
  survey: Type.String({ minLength: 1, default: initial, description: 'Which survey, as the events name it.' }),
  minSample: Type.Integer({ minimum: 1, default: 1, description: 'Fewest responses that make a value.' }),
  event: Type.String({ minLength: 1, default: 'Survey Responded', description: 'Event of a response.' }),
  surveyProperty: Type.String({ minLength: 1, default: 'survey', description: 'Property that names the survey.' }),
  scoreProperty: Type.String({ minLength: 1, default: 'score', description: 'Property with the score.' }),
  commentProperty: Type.String({ minLength: 1, default: 'comment', description: 'Property with the comment.' }),
});

/** Responses whose score is a number from `least` to `most`; a score that is missing, text, or off the scale is no response. */
export const surveyResponses = (survey: Survey, least: number, most: number): Required<Filter> => ({
  events: [survey.event],
  where: allOf(
    equal(survey.surveyProperty, survey.survey),
    atLeast(survey.scoreProperty, least),
    atMost(survey.scoreProperty, most),
  ),
});

/** Those of the responses that say something, for `evidence`: comment and score. */
export const surveyComments = (survey: Survey, { events, where }: Required<Filter>, window: Window): Evidence => ({
  filter: { events, where: allOf(where, exists(survey.commentProperty), not(equal(survey.commentProperty, ''))) },
  window,
  properties: [survey.commentProperty, survey.scoreProperty],
});
