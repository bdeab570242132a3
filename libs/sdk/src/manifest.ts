export type PluginKind = 'metric' | 'segment' | 'playbook' | 'action' | 'operator';

/** The `rapport` field of a plugin's `package.json`. */
export interface Manifest {
  readonly kind: PluginKind;
  readonly id: string;
  /** Semver range of `@rapport/sdk` the plugin was written for. */
  readonly sdk: string;
  /** Semver ranges of the plugins it needs, by id. A range for another kind is written `kind/id`; a bare id is of the kind `metric`. */
  readonly requires?: Readonly<Record<string, string>>;
}
