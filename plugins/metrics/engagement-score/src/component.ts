import { type ProfileSet, refuseConfig, type Static, Type } from '@rapport/sdk';
import { mustTotal100 } from '@rapport/sdk/score';

const weight = Type.Number({ minimum: 0, maximum: 100, description: 'Per cent; all together 100.' });
const mapping = {
  target: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      description: 'Value that is worth 10 points; 0 is worth none, and what lies between its share.',
    }),
  ),
  scale: Type.Optional(
    Type.Array(Type.Tuple([Type.Number(), Type.Number({ minimum: 0, maximum: 10 })]), {
      minItems: 2,
      description:
        'In place of a target: points of a line, `[[value, points], …]`, by ascending value. Level before the first and after the last.',
    }),
  ),
};

export const component = Type.Object({ weight, ...mapping }, { additionalProperties: false });
export const override = Type.Object({ weight: Type.Optional(weight), ...mapping }, { additionalProperties: false });
export type Component = Static<typeof component>;
export type Override = Static<typeof override>;
export type Components = Readonly<Record<string, Component>>;
export type Overrides = Readonly<Record<string, Override>>;

/** A component's name is a fact: a metric, perhaps within a scope, and perhaps one of its parts. */
export function sourceOf(fact: string): { readonly metric: string; readonly part: string | null } {
  const dot = fact.indexOf('.');
  return dot < 0 ? { metric: fact, part: null } : { metric: fact.slice(0, dot), part: fact.slice(dot + 1) };
}

/** A component with what a set says differently: a target takes the place of a scale, and the other way round. */
export function overridden(base: Component, over: Override | undefined): Component {
  if (!over) return base;
  const weight = over.weight ?? base.weight;
  return over.target === undefined && !over.scale ? { ...base, weight } : { ...over, weight };
}

/** Points from 0 to 10 for a value, by a component's target or scale. */
export function pointsFor(value: number, { target, scale = [] }: Component): number {
  if (target !== undefined) return within10((10 * value) / target);
  let [x, y] = scale[0] ?? [0, 0];
  if (value <= x) return y;
  for (const [nextX, nextY] of scale) {
    if (value <= nextX) return within10(y + ((nextY - y) * (value - x)) / (nextX - x));
    [x, y] = [nextX, nextY];
  }
  return y;
}
const within10 = (points: number) => Math.min(10, Math.max(0, points));

/** Refuses components that do not go together. Throws `RAPPORT_SDK_CONFIG`. */
export function checkComponents(
  components: Components,
  sets: readonly (ProfileSet & { readonly components: Overrides })[],
): void {
  for (const [fact, { target, scale }] of Object.entries(components))
    if (target === undefined && !scale) refuseConfig('/components', `"${fact}" needs a target or a scale.`);
  checkTogether('/components', components);
  sets.forEach(({ components: overrides }, i) => {
    const place = `/sets/${i}/components`;
    for (const fact of Object.keys(overrides))
      if (!Object.hasOwn(components, fact))
        refuseConfig(place, `there is no component "${fact}". Known: ${Object.keys(components).join(', ')}.`);
    const inForce = Object.entries(components).map(
      ([fact, base]) => [fact, overridden(base, overrides[fact])] as const,
    );
    checkTogether(place, Object.fromEntries(inForce));
  });
}

function checkTogether(place: string, components: Components): void {
  for (const [fact, { target, scale = [] }] of Object.entries(components)) {
    if (target !== undefined && scale.length > 0)
      refuseConfig(place, `"${fact}" has both a target and a scale; write one of them.`);
    if (scale.some(([value], i) => value <= (scale[i - 1]?.[0] ?? -Infinity)))
      refuseConfig(place, `the scale of "${fact}" must have ascending values.`);
  }
  mustTotal100(
    place,
    Object.values(components).map(({ weight }) => weight),
  );
}
