import type { Filter, Measures, Node, Qualification, Scalar, Where, Window } from '@rapport/sdk';

/** What a metric looks at: names and values that make random events matter to it. */
export interface Vocabulary {
  readonly events: Set<string>;
  /** Values that conditions compare with, by property; empty for a property that is only read. */
  readonly properties: Map<string, Set<Scalar>>;
  readonly traits: Set<string>;
  /** Properties and traits that are read as instants. */
  readonly instants: Set<string>;
}

/** Adds what the measures mention. */
export function learn(vocabulary: Vocabulary, measures: Measures): void {
  Object.values(measures).forEach((node) => learnNode(vocabulary, node));
}

function learnNode(vocabulary: Vocabulary, node: Node): void {
  if (node.node === 'trait') {
    vocabulary.traits.add(node.name);
    if (node.as === 'time') vocabulary.instants.add(node.name);
    return;
  }
  learnWindow(vocabulary, node.window);
  const property = (name: string) => valuesOf(vocabulary, name);
  if (node.node === 'spans') {
    const { key, open, close, change, effectiveAt } = node.spans;
    property(key);
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
      break;
    case 'distinct':
      if (typeof node.of === 'object') property(node.of.property);
      learnAll(vocabulary, node.qualifying);
      break;
    case 'first':
    case 'last':
      if (node.of === 'time') break;
      property(node.of.property);
      if (node.of.as === 'time') vocabulary.instants.add(node.of.property);
      break;
    case 'countByKey':
      if (node.key !== 'event') property(node.key.property);
      break;
    case 'series':
      if (typeof node.of === 'object') property(node.of.sum);
      learnAll(vocabulary, node.qualifying);
      break;
    case 'meanPerDay':
      learnAll(vocabulary, node.qualifying);
      break;
    case 'spans':
      if (typeof node.of === 'object' && 'sum' in node.of) property(node.of.sum);
      break;
    case 'fold':
      node.properties.forEach(property);
      break;
    case 'count':
    case 'sessions':
    case 'activeTime':
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
  if (window.kind === 'before') learnWindow(vocabulary, window.of);
  if (window.kind === 'firstDays') {
    vocabulary.traits.add(window.since.trait);
    vocabulary.instants.add(window.since.trait);
  }
}

function valuesOf(vocabulary: Vocabulary, property: string): Set<Scalar> {
  const values = vocabulary.properties.get(property) ?? new Set();
  vocabulary.properties.set(property, values);
  return values;
}
