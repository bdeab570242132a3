import { didYouMean } from '@rapport/rules';
import type { ProfileClass } from '@rapport/rules';
import type { Scope } from '@rapport/store';
import { EngineError } from './error.js';
import type { RefusedPlugin } from './loaded-plugin.js';
import type { Candidate } from './manifest.js';

export type PluginSetting = false | Readonly<Record<string, unknown>>;
/** What `rapport.json` says of plugins. */
export interface PluginSettings {
  /** Per plugin id: `false` leaves it out; an object configures it. `<metric>:<scope>` configures the metric within a scope. */
  readonly metrics?: Readonly<Record<string, PluginSetting>>;
  readonly segments?: Readonly<Record<string, false | { readonly enabled?: boolean }>>;
  /** A playbook is off until enabled here: its transitions are recorded, nothing is sent. */
  readonly playbooks?: Readonly<Record<string, false | { readonly enabled?: boolean }>>;
  readonly actions?: Readonly<Record<string, PluginSetting>>;
  /** `false` leaves an operator out. */
  readonly operators?: Readonly<Record<string, false>>;
  /** Classes of accounts and users (lifecycle stages, personas), by name: the first whose rule is true. Metrics choose weights and targets by them. */
  readonly profiles?: Readonly<Record<string, readonly ProfileClass[]>>;
  /** Trait with the instant of signing up, from which the fact `tenure` of profiles counts; default `signupAt`. */
  readonly signupTrait?: string;
  /** Parts of the product, by name: the metric `<metric>:<scope>` sees their events only. */
  readonly scopes?: Readonly<Record<string, Scope>>;
}

/** What the configuration says of a plugin; undefined where it says nothing. */
export function settingOf(
  config: PluginSettings,
  { manifest }: { readonly manifest: Pick<Candidate['manifest'], 'kind' | 'id'> },
): unknown {
  const section: Readonly<Record<string, unknown>> = config[sections[manifest.kind]] ?? {};
  return Object.hasOwn(section, manifest.id) ? section[manifest.id] : undefined;
}

/** Whether a plugin is left out by its setting. */
export const isLeftOut = (setting: unknown, kind: string): boolean =>
  setting === false ||
  (kind === 'segment' &&
    typeof setting === 'object' &&
    setting !== null &&
    'enabled' in setting &&
    setting.enabled === false);

/** Whether a playbook is on by its setting. */
export const isEnabled = (setting: unknown): boolean =>
  typeof setting === 'object' && setting !== null && 'enabled' in setting && setting.enabled === true;

export const sections = {
  metric: 'metrics',
  segment: 'segments',
  playbook: 'playbooks',
  action: 'actions',
  operator: 'operators',
} as const;

/**
 * Every section of the configuration that is about plugins must be about plugins that there are. A metric, action or operator that there is not
 * is a mistake in the configuration: throws `RAPPORT_CONFIG_UNKNOWN_PLUGIN`. A segment or playbook may have been retired, or its file may be
 * wrong, which must not keep anybody from correcting it: it is told beside the plugins that were refused.
 *
 * @param unreadable files that may be one of the documents that are missing
 */
export function checkSections(
  config: PluginSettings,
  ids: ReadonlyMap<string, readonly string[]>,
  unreadable: readonly string[],
): readonly RefusedPlugin[] {
  const missing: RefusedPlugin[] = [];
  for (const [kind, section] of Object.entries(sections)) {
    const known = ids.get(kind) ?? [];
    for (const id of Object.keys(config[section] ?? {})) {
      const [base = id, scope] = section === 'metrics' ? id.split(':', 2) : [id];
      if (scope !== undefined && !Object.hasOwn(config.scopes ?? {}, scope)) {
        const scopes = Object.keys(config.scopes ?? {});
        throw new EngineError(
          'RAPPORT_CONFIG_SCOPE',
          `rapport.json#/${section}/${id}: there is no scope "${scope}".${didYouMean(scope, scopes)} Define it in rapport.json#/scopes. Defined: ${scopes.join(', ') || 'none'}.`,
        );
      }
      if (known.includes(base)) continue;
      const place = `rapport.json#/${section}/${id}`;
      if (kind === 'segment' || kind === 'playbook') {
        const files =
          unreadable.length === 0
            ? ''
            : ` It may be one of the files that were refused: ${unreadable.slice(0, 5).join(', ')}.`;
        missing.push({
          name: place,
          code: 'RAPPORT_CONFIG_NOT_IN_FORCE',
          message: `${place}: no ${kind} "${id}" is in force: it was retired, was refused, or never existed.${didYouMean(id, known)}${files} Bring it back, or remove the key.`,
        });
        continue;
      }
      throw new EngineError(
        'RAPPORT_CONFIG_UNKNOWN_PLUGIN',
        `${place}: no ${kind} plugin "${id}" is installed.${didYouMean(id, known)} Install it, or remove the key. Installed: ${known.length === 0 ? 'none' : known.join(', ')}.`,
      );
    }
  }
  return missing;
}
