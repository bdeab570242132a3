import { type TProperties, Type } from 'typebox';
import { type Measure, profile, trait } from './measure.js';

/** A part of a metric's configuration that is for some subjects only. */
export interface ProfileSet {
  /** What the part `set` says where it is in force. */
  readonly name: string;
  /** Classes that the subject must have, by profile; of several, any. `trait.<name>` is a trait that holds text. */
  readonly when: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * Configuration option `sets`: what differs for lifecycle stages, personas, plans. `overrides` are the options that a set may name anew.
 *
 * ```json
 * "sets": [{ "name": "trial", "when": { "stage": ["trial", "onboarding"], "trait.plan": "pro" }, "weights": { "Signed In": 3 } }]
 * ```
 */
export const setsOption = <P extends TProperties>(overrides: P, description: string) =>
  Type.Array(
    Type.Object(
      {
        name: Type.String({ minLength: 1, maxLength: 100, description: 'What the part `set` says.' }),
        when: Type.Record(
          Type.String({ minLength: 1 }),
          Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })]),
          {
            minProperties: 1,
            description:
              'Whom it is for: the class, or any of the classes, in each of these profiles; `trait.<name>` is a trait that holds text.',
          },
        ),
        ...overrides,
      },
      { additionalProperties: false },
    ),
    { default: [], description },
  );

type SetMeasures = Readonly<Record<`set by ${string}`, Measure<string | null>>>;
type SetInputs = Readonly<Record<`set by ${string}`, string | null>>;

/** What `setFor` needs to know of a subject, to be spread into `measures`: its class in each profile, or trait, that a set names. */
export function setMeasures(sets: readonly ProfileSet[]): SetMeasures {
  const names = new Set(sets.flatMap(({ when }) => Object.keys(when)));
  return Object.fromEntries(
    [...names].map((name) => [
      `set by ${name}`,
      name.startsWith('trait.') ? trait(name.slice('trait.'.length), 'text') : profile(name),
    ]),
  );
}

/** The first set whose conditions all hold for the subject, or null: then what the configuration says outside of sets is in force. */
export function setFor<S extends ProfileSet>(sets: readonly S[], inputs: SetInputs): S | null {
  for (const set of sets) if (isFor(set, inputs)) return set;
  return null;
}

function isFor({ when }: ProfileSet, inputs: SetInputs): boolean {
  for (const name in when) {
    const wanted = when[name];
    const found = inputs[`set by ${name}`] ?? null;
    if (found === null || (typeof wanted === 'string' ? wanted !== found : !wanted?.includes(found))) return false;
  }
  return true;
}
