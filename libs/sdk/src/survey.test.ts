import { Value } from 'typebox/value';
import { expect, it } from 'vitest';
import { activityOption, allOf, equal, exists, last, not, Type } from './index.js';
import { surveyComments, surveyOptions, surveyResponses } from './survey.js';

const options = Type.Object({ ...surveyOptions('nps'), events: activityOption() });
const survey = Value.Parse(options, Value.Default(options, {}));

it('knows a survey by the Segment spec’s form of names', () => {
  expect(survey).toEqual({
    survey: 'nps',
    minSample: 1,
    event: 'Survey Responded',
    surveyProperty: 'survey',
    scoreProperty: 'score',
    commentProperty: 'comment',
    events: [],
  });
});

it('takes the responses on a scale, and those with a comment to read', () => {
  const responses = surveyResponses(survey, 0, 10);
  expect(responses).toMatchObject({ events: ['Survey Responded'] });
  expect(surveyComments(survey, responses, last('90d'))).toEqual({
    filter: {
      events: ['Survey Responded'],
      where: allOf(responses.where, exists('comment'), not(equal('comment', ''))),
    },
    window: last('90d'),
    properties: ['comment', 'score'],
  });
});
