import type { MetricDescriptor } from './loaded-plugin.js';

/** Facts that the engine derives from a metric's value. */
export type DerivedFact = 'previous' | 'change' | 'changeRate' | 'slope';

/** The facts derived for a metric: `slope` from its history; the others only where it has a main window. */
export const derivedFacts = ({ window }: Pick<MetricDescriptor, 'window'>): readonly DerivedFact[] =>
  window ? ['previous', 'change', 'changeRate', 'slope'] : ['slope'];

export const derivedNames: readonly string[] = ['previous', 'change', 'changeRate', 'slope'] satisfies DerivedFact[];

/** Whether a metric's column of this name is a derived fact, not a part. */
export const isDerived = (name: string): boolean => derivedNames.includes(name);

export const DERIVED = /^(.+)\.(?:previous|change|changeRate|slope)$/;

/** The metric that a derived fact is about; null for any other fact. */
export const derivedFrom = (fact: string): string | null => DERIVED.exec(fact)?.[1] ?? null;
