/** What an operator says of a fact and a condition's value. The operators that come with json-rules-engine say true or false. */
export type CompatOperator = (fact: unknown, value: unknown) => unknown;

/** Makes an operator of another: what `not:` does to `equal` in `not:equal`. */
export type CompatDecorator = (fact: unknown, value: unknown, next: CompatOperator) => unknown;

/** Gates the fact alone, and does not convert it: `"12 days" < 20` passes the gate, and then compares text with a number. */
const isNumeric = (fact: unknown): boolean =>
  !Number.isNaN(typeof fact === 'number' ? fact : Number.parseFloat(fact as string));

export const operators: Readonly<Record<string, CompatOperator>> = {
  equal: (fact, value) => fact === value,
  notEqual: (fact, value) => fact !== value,
  // `indexOf` of whatever the value is: members of a list, parts of a text, an exception otherwise. It never finds NaN.
  in: (fact, value) => (value as readonly unknown[]).indexOf(fact) > -1,
  notIn: (fact, value) => (value as readonly unknown[]).indexOf(fact) === -1,
  contains: (fact, value) => Array.isArray(fact) && fact.indexOf(value) > -1,
  doesNotContain: (fact, value) => Array.isArray(fact) && fact.indexOf(value) === -1,
  lessThan: (fact, value) => isNumeric(fact) && (fact as number) < (value as number),
  lessThanInclusive: (fact, value) => isNumeric(fact) && (fact as number) <= (value as number),
  greaterThan: (fact, value) => isNumeric(fact) && (fact as number) > (value as number),
  greaterThanInclusive: (fact, value) => isNumeric(fact) && (fact as number) >= (value as number),
};

export const decorators: Readonly<Record<string, CompatDecorator>> = {
  someFact: (fact, value, next) => Array.isArray(fact) && fact.some((item) => next(item, value)),
  everyFact: (fact, value, next) => Array.isArray(fact) && fact.every((item) => next(item, value)),
  someValue: (fact, value, next) => (value as readonly unknown[]).some((item) => next(fact, item)),
  everyValue: (fact, value, next) => (value as readonly unknown[]).every((item) => next(fact, item)),
  swap: (fact, value, next) => next(value, fact),
  not: (fact, value, next) => !next(fact, value),
};

const decorate =
  (decorator: CompatDecorator, next: CompatOperator): CompatOperator =>
  (fact, value) =>
    decorator(fact, value, next);

/**
 * The operator of a name such as `equal` or `not:someFact:in`, of which the leftmost decorator is the outermost; null when a part is not known.
 * A known name is taken as it is, colons included.
 *
 * @param other finds an operator that is not among the known ones
 */
export function operatorOf(
  name: unknown,
  known: ReadonlyMap<string, CompatOperator>,
  knownDecorators: ReadonlyMap<string, CompatDecorator>,
  other: (name: string) => CompatOperator | null = () => null,
): CompatOperator | null {
  if (typeof name !== 'string') return null;
  const found: CompatDecorator[] = [];
  let rest = name;
  let operator = known.get(rest) ?? other(rest);
  while (operator === null) {
    const decorator = knownDecorators.get(rest.slice(0, Math.max(0, rest.indexOf(':'))));
    if (decorator === undefined) return null;
    found.push(decorator);
    rest = rest.slice(rest.indexOf(':') + 1);
    operator = known.get(rest) ?? other(rest);
  }
  return found.reduceRight<CompatOperator>((next, one) => decorate(one, next), operator);
}
