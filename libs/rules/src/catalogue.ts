import { isOperator, operators, ruleOf, type FactType, type OperatorSet } from './operator.js';

/** What is known of a fact: what editors complete, what the linter takes as its range. */
export interface FactDescription {
  /** `<metric>`, `<metric>.<part>`, `trait.<name>` or `segment.<id>`. */
  readonly fact: string;
  readonly type: FactType;
  readonly title?: string;
  readonly description?: string;
  /** Of a number, such as `days` or `ratio`. */
  readonly unit?: string;
  /** The least and the greatest number there can be. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** Whether a number is always whole. */
  readonly integer?: boolean;
  /** All the texts, or items of a list, that there can be. */
  readonly values?: readonly string[];
}

/** What facts there are: the readings a fact can be asked in, or null when there is no such fact; and all names, for suggestions. */
export interface FactCatalogue {
  readingsOf(fact: string): readonly string[] | null;
  readonly names: Iterable<string>;
  /** More of a fact, where more is known. */
  describe?(fact: string): FactDescription | null;
}

const scalars = ['number', 'text', 'time', 'boolean'] as const;
const readingsOf = ({ type }: FactDescription): readonly string[] =>
  type === 'any' ? scalars : type === 'list' ? ['any'] : [type];

/** Whether a fact of this name may exist though no description has it: traits are whatever the data brings. */
export const isTrait = (fact: string): boolean => /^trait\..{1,200}$/.test(fact);

/** A catalogue of described facts. Traits that are not described exist too, of any type. */
export function catalogueOf(descriptions: readonly FactDescription[]): FactCatalogue {
  const byName = new Map(descriptions.map((description) => [description.fact, description]));
  const describe = (fact: string) => byName.get(fact) ?? null;
  return {
    names: [...byName.keys()],
    describe,
    readingsOf: (fact) => {
      const found = describe(fact);
      if (found) return readingsOf(found);
      return isTrait(fact) ? scalars : null;
    },
  };
}

/** The type of a fact that has these readings. */
const typeOf = (readings: readonly string[]): FactType => {
  const [only] = readings;
  if (readings.length !== 1 || only === undefined) return 'any';
  return only === 'any' ? 'list' : (only as FactType);
};

/** Every fact that a catalogue names, described as far as it says. */
export const descriptionsOf = (catalogue: FactCatalogue): readonly FactDescription[] =>
  [...catalogue.names].map(
    (fact) => catalogue.describe?.(fact) ?? { fact, type: typeOf(catalogue.readingsOf(fact) ?? []) },
  );

/** The operators that fit facts of one type, Rapport's own and those of a set. */
export const operatorsFor = (type: FactType, more: OperatorSet = new Map()): readonly string[] =>
  [...operators, ...[...more.keys()].filter((name) => !isOperator(name))].filter((name) =>
    ruleOf(name, more)?.fits.includes(type),
  );
