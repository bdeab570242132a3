import { allOf, equal, fold, Type, type Filter, type FoldEvent, type Static } from '@rapport/sdk';

/** Configuration option with the steps. */
export const stepsOption = () =>
  Type.Array(
    Type.Object(
      {
        id: Type.String({ minLength: 1, maxLength: 100, description: 'Name of the step.' }),
        events: Type.Array(Type.String({ minLength: 1 }), {
          minItems: 1,
          description: 'Events that complete it, any of them.',
        }),
        where: Type.Optional(
          Type.Record(Type.String({ minLength: 1 }), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
            description: 'Values that properties of the event must have, all of them.',
          }),
        ),
      },
      { additionalProperties: false },
    ),
    {
      minItems: 1,
      maxItems: 50,
      default: [
        { id: 'profile', events: ['Profile Completed'] },
        { id: 'integration', events: ['Integration Connected'] },
        { id: 'first-project', events: ['First Project Created'] },
        { id: 'invitation', events: ['Invite Sent'] },
      ],
      description: 'The checklist: steps, and the events that complete them.',
    },
  );

export type Checklist = Static<ReturnType<typeof stepsOption>>;
type Step = Checklist[number];

/** The events that complete a step. */
export const completing = ({ events, where }: Step): Filter =>
  where ? { events, where: allOf(...Object.entries(where).map(([name, value]) => equal(name, value))) } : { events };

/** Every event that a checklist is about, and the properties that its conditions read: what the fold needs. */
export const eventsOf = (steps: Checklist): Filter => ({ events: [...new Set(steps.flatMap(({ events }) => events))] });
export const propertiesOf = (steps: Checklist): readonly string[] => [
  ...new Set(steps.flatMap(({ where }) => Object.keys(where ?? {}))),
];

/**
 * Goes down the checklist: a step counts by an event after that of the step before it, and an event completes one step. It gives
 * how many steps are done, and the instant (epoch ms) of the event that completed the last of them; null while a step is missing.
 */
export const inOrder = fold('inOrder', {
  initial: (_config: { readonly steps: Checklist }) => ({ done: 0, at: 0 }),
  step(state, event, { steps }) {
    const next = steps[state.done];
    return next && completes(event, next) ? { done: state.done + 1, at: event.time } : state;
  },
  done: ({ done, at }, { steps }) => ({ done, activatedAt: done === steps.length ? at : null }),
});

const completes = ({ event, properties }: FoldEvent, { events, where = {} }: Step): boolean =>
  events.includes(event) && Object.entries(where).every(([name, value]) => properties[name] === value);
