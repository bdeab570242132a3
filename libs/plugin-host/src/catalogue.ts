import { catalogueOf, type FactDescription, type FactCatalogue } from '@rapport/rules';
import { derivedFacts, type DerivedFact } from './derived-facts.js';
import type { LoadedPlugin } from './loaded-plugin.js';
import { segmentKeys } from './membership-keys.js';

/** The facts that rules about one kind of subject can use, as far as plugins say; traits are whatever the data brings. */
export function factsKnown(subject: 'account' | 'user', plugins: readonly LoadedPlugin[]): readonly FactDescription[] {
  return plugins.flatMap((plugin): readonly FactDescription[] => {
    if (plugin.kind === 'segment' && plugin.document.subject === subject) {
      const { title, bands } = plugin.document;
      const titles = new Map((bands ?? []).map((band) => [`${plugin.document.id}.${band.id}`, band.title]));
      return segmentKeys(plugin.document).map((key) => ({
        fact: `segment.${key}`,
        type: 'boolean',
        title: `Is in ${title}${titles.has(key) ? `: ${titles.get(key) ?? ''}` : ''}`,
      }));
    }
    if (plugin.kind !== 'metric' || !plugin.definition.subjects.includes(subject)) return [];
    const { id } = plugin.manifest;
    const { title, description, unit, range, parts } = plugin.definition;
    const [minimum, maximum] = range;
    return [
      {
        fact: id,
        type: 'number',
        title,
        description,
        unit,
        ...(minimum === null ? {} : { minimum }),
        ...(maximum === null ? {} : { maximum }),
      },
      ...derivedFacts(plugin.definition).map((derived) => ({
        fact: `${id}.${derived}`,
        type: 'number' as const,
        title: `${title}: ${DERIVED_TITLES[derived]}`,
      })),
      ...Object.entries(parts).map(([name, part]): FactDescription => {
        const type = part.type ?? 'number';
        const about = { fact: `${id}.${name}`, title: `${title}: ${name}`, description: part.description };
        if (type === 'list' || type === 'table') return { ...about, type: 'list' };
        return {
          ...about,
          type,
          ...('unit' in part ? { unit: part.unit } : {}),
          ...(part.values ? { values: part.values } : {}),
        };
      }),
    ];
  });
}

export const DERIVED_TITLES: Readonly<Record<DerivedFact, string>> = {
  previous: 'the same window, one window length earlier',
  change: 'how much higher than the window before',
  changeRate: 'change as a share of the window before',
  slope: 'change per day over the last days',
};

/** What a document's facts are checked against. */
export const catalogueFor = (subject: 'account' | 'user', plugins: readonly LoadedPlugin[]): FactCatalogue =>
  catalogueOf(factsKnown(subject, plugins));
