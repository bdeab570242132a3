import type { Scope } from '@rapport/store';
import { canonical, sha256 } from './canonical.js';
import type { PluginSettings } from './plugin-settings.js';
import type { MetricDescriptor } from './loaded-plugin.js';

/** What decides a metric's values beside its version and its events: its configuration, its scope, and the profiles that it reads. */
export function metricConfigHash(
  { measures }: MetricDescriptor,
  own: Readonly<Record<string, unknown>>,
  { profiles = {}, signupTrait }: Pick<PluginSettings, 'profiles' | 'signupTrait'>,
  scope?: Scope,
): string {
  const read = Object.values(measures).flatMap((node) => (node.node === 'profile' ? [node.name] : []));
  const classes = Object.fromEntries(
    read.filter((name) => Object.hasOwn(profiles, name)).map((name) => [name, profiles[name]]),
  );
  if (!scope && Object.keys(classes).length === 0) return hashOf(own);
  return hashOf({ config: own, scope, profiles: classes, signupTrait });
}

export const hashOf = (value: unknown): string => sha256(canonical(value)).slice(0, 16);
