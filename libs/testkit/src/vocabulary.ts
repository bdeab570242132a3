import { profileFacts, TENURE, type ProfileClass } from '@rapport/rules';
import type { Condition, Filter, Node, Qualification, Reading, Scalar, Where, Window } from '@rapport/sdk';
import type { Scope } from '@rapport/store';

/** What a metric looks at: names and values that make random events matter to it. */
export interface Vocabulary {
  readonly events: Set<string>;
  /** Values that conditions compare with, by property; empty for a property that is only read. */
  readonly properties: Map<string, Set<Scalar>>;
  readonly traits: Set<string>;
  /** Values that profiles compare a trait with, by trait. */
  readonly traitValues: Map<string, Set<Scalar>>;
  /** Properties and traits that are read as instants. */
  readonly instants: Set<string>;
  /** Properties and traits that are read as numbers. */
  readonly numbers: Set<string>;
  /** Properties that tell one span from another. */
  readonly keys: Set<string>;
  /** Events that open and close spans, by name. */
  readonly spans: { readonly open: readonly string[]; readonly close: readonly string[] }[];
  readonly windows: Window[];
  /** Gaps that end a session or activity, ms. */
  readonly gaps: Set<number>;
  /** Days since signing up that make a difference. */
  readonly ages: Set<number>;
}

export const emptyVocabulary = (): Vocabulary => ({
  events: new Set(),
  properties: new Map(),
  traits: new Set(),
  traitValues: new Map(),
  instants: new Set(),
  numbers: new Set(),
  keys: new Set(),
  spans: [],
  windows: [],
  gaps: new Set(),
  ages: new Set(),
});

/** Adds what a profile's rules read: traits, what they compare them with, and the day of signing up. */
export function learnProfile(vocabulary: Vocabulary, classes: readonly ProfileClass[]): void {
  for (const { fact, reading } of profileFacts(classes)) {
    const name = fact === TENURE ? 'signupAt' : fact.slice('trait.'.length);
    vocabulary.traits.add(name);
    if (fact === TENURE || reading === 'time') vocabulary.instants.add(name);
  }
  classes.forEach(({ when }) => learnCondition(vocabulary, when));
}

function learnCondition(vocabulary: Vocabulary, condition: Condition): void {
  if ('not' in condition) {
    learnCondition(vocabulary, condition.not);
    return;
  }
  if ('all' in condition || 'any' in condition) {
    ('all' in condition ? condition.all : condition.any).forEach((part) => learnCondition(vocabulary, part));
    return;
  }
  // A profile has no named conditions.
  if ('condition' in condition) return;
  const values =
    condition.fact === TENURE ? vocabulary.ages : setAt(vocabulary.traitValues, condition.fact.slice('trait.'.length));
  for (const value of [condition.value].flat()) {
    if (typeof value === 'number') values.add(value);
    else if (condition.fact !== TENURE && (typeof value === 'string' || typeof value === 'boolean')) values.add(value);
  }
}

/** Adds what a scope narrows to. */
export const learnScope = (vocabulary: Vocabulary, scope: Scope): void => learnFilter(vocabulary, scope);

/** Adds what a measure mentions. */
export function learn(vocabulary: Vocabulary, node: Node): void {
  if (node.node === 'profile') return;
  if (node.node === 'trait') {
    vocabulary.traits.add(node.name);
    learnReading(vocabulary, node.name, node.as);
    return;
  }
  learnWindow(vocabulary, node.window);
  const property = (name: string) => valuesOf(vocabulary, name);
  if (node.node === 'spans') {
    const { key, open, close, change, effectiveAt } = node.spans;
    property(key);
    vocabulary.keys.add(key);
    if (open.events?.length && close.events?.length) vocabulary.spans.push({ open: open.events, close: close.events });
    [open, close, ...(change ? [change] : [])].forEach((filter) => learnFilter(vocabulary, filter));
    if (effectiveAt !== undefined) {
      property(effectiveAt);
      vocabulary.instants.add(effectiveAt);
    }
  } else {
    learnFilter(vocabulary, node.filter);
  }
  switch (node.node) {
    case 'sum':
    case 'min':
    case 'max':
    case 'mean':
    case 'quantile':
      property(node.property);
      vocabulary.numbers.add(node.property);
      break;
    case 'distinct':
      if (typeof node.of === 'object') property(node.of.property);
      learnAll(vocabulary, node.qualifying);
      break;
    case 'earliest':
    case 'latest':
      if (node.of === 'time') break;
      property(node.of.property);
      learnReading(vocabulary, node.of.property, node.of.as);
      break;
    case 'countByKey':
      if (node.key !== 'event') property(node.key.property);
      break;
    case 'series':
      if (typeof node.of === 'object') {
        property(node.of.sum);
        vocabulary.numbers.add(node.of.sum);
      }
      learnAll(vocabulary, node.qualifying);
      break;
    case 'meanPerDay':
      learnAll(vocabulary, node.qualifying);
      break;
    case 'spans':
      if (typeof node.of === 'object' && 'sum' in node.of) {
        property(node.of.sum);
        vocabulary.numbers.add(node.of.sum);
      }
      break;
    case 'fold':
      node.properties.forEach(property);
      break;
    case 'sessions':
    case 'activeTime':
      vocabulary.gaps.add(node.idleMinutes * 60_000);
      break;
    case 'count':
      break;
  }
}

const learnAll = (vocabulary: Vocabulary, filters: readonly Qualification[] = []) =>
  filters.forEach((filter) => learnFilter(vocabulary, filter));

function learnFilter(vocabulary: Vocabulary, { events = [], where }: Filter): void {
  events.forEach((event) => vocabulary.events.add(event));
  if (where) learnWhere(vocabulary, where);
}

function learnWhere(vocabulary: Vocabulary, where: Where): void {
  if ('not' in where) {
    learnWhere(vocabulary, where.not);
    return;
  }
  if ('all' in where || 'any' in where) {
    ('all' in where ? where.all : where.any).forEach((part) => learnWhere(vocabulary, part));
    return;
  }
  const values = valuesOf(vocabulary, where.property);
  if (where.operator === 'in') where.value.forEach((value) => values.add(value));
  else if (where.operator !== 'exists') values.add(where.value);
}

function learnWindow(vocabulary: Vocabulary, window: Window): void {
  vocabulary.windows.push(window);
  if (window.kind === 'before') learnWindow(vocabulary, window.of);
  if (window.kind === 'firstDays') {
    vocabulary.traits.add(window.since.trait);
    vocabulary.instants.add(window.since.trait);
    vocabulary.ages.add(window.days);
  }
}

function learnReading(vocabulary: Vocabulary, name: string, as: Reading): void {
  if (as === 'time') vocabulary.instants.add(name);
  if (as === 'number') vocabulary.numbers.add(name);
}

const valuesOf = (vocabulary: Vocabulary, property: string) => setAt(vocabulary.properties, property);

function setAt(sets: Map<string, Set<Scalar>>, name: string): Set<Scalar> {
  const values = sets.get(name) ?? new Set();
  sets.set(name, values);
  return values;
}
