import type { Plan, ResolvedMeasure } from '@rapport/store';

/* What plans need of a file. */

/** Traits that measures read, or that their windows begin at. */
export const traitsIn = (measures: readonly ResolvedMeasure[]): readonly string[] =>
  measures.flatMap((measure) => {
    if (measure.node === 'trait') return [measure.name];
    return measure.window.kind === 'sinceTrait' ? [measure.window.trait] : [];
  });

/** Properties that plans read, for which columns are worth having. */
export const propertiesOf = (plans: readonly Plan[]): readonly string[] =>
  propertiesIn(plans.flatMap(({ measures }) => measures));

/** Properties that measures read. */
export function propertiesIn(measures: readonly ResolvedMeasure[]): readonly string[] {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      const node = value as Readonly<Record<string, unknown>>;
      if (typeof node['property'] === 'string') names.add(node['property']);
      if (typeof node['sum'] === 'string') names.add(node['sum']);
      if (typeof node['effectiveAt'] === 'string') names.add(node['effectiveAt']);
      const { spans } = node;
      if (typeof spans === 'object' && spans !== null && 'key' in spans && typeof spans.key === 'string')
        names.add(spans.key);
      Object.values(node).forEach(visit);
    }
  };
  measures.forEach(visit);
  return [...names];
}

/** Event names that filters mention. */
export function namesOf(plans: readonly unknown[]): readonly string[] {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      const { events } = value as Readonly<Record<string, unknown>>;
      if (Array.isArray(events)) events.forEach((name) => typeof name === 'string' && names.add(name));
      Object.values(value).forEach(visit);
    }
  };
  plans.forEach(visit);
  return [...names];
}
