import { sha256, type LoadedPlugin } from '@rapport/plugin-host';

/**
 * What a metric's values come from: `id@version#configHash`, and, for a metric that uses others, `+` and a hash of theirs, as a change there changes its values, too.
 * Values of different origins are not comparable. Null for a metric that is not loaded.
 */
export function originOf(plugins: readonly LoadedPlugin[], metric: string): string | null {
  const plugin = plugins.find((loaded) => loaded.kind === 'metric' && loaded.definition.id === metric);
  if (plugin?.kind !== 'metric') return null;
  const own = `${metric}@${plugin.version}#${plugin.configHash}`;
  const { uses, usesPortfolio } = plugin.definition;
  const used = [...new Set([...uses, ...usesPortfolio])].sort();
  // Loading refuses metrics that use each other in a circle, so this ends.
  return used.length === 0
    ? own
    : `${own}+${sha256(used.map((id) => originOf(plugins, id) ?? id).join('\n')).slice(0, 16)}`;
}

const PARTIAL = '~';
/** The origin of a value of a day that was not over: trends show it, a backfill replaces it. */
export const partialOrigin = (origin: string): string => `${origin}${PARTIAL}`;
/** Whether a stored value is comparable with those of the origin, be its day over or not. */
export const isOfOrigin = (stored: string, origin: string): boolean =>
  stored === origin || stored === partialOrigin(origin);
