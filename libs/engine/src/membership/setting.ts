import type { Store } from '@rapport/store';
import type { WorkspaceConfig } from '../config.js';
import type { DerivedSetting } from '../measurement/derived.js';
import type { Memory } from '../measurement/incremental.js';
import { type LoadedPlugin, type PluginHost, type VerdictSetting } from '@rapport/plugin-host';
import { type Clock } from '@rapport/playbooks';

export interface RunSetting {
  readonly config: WorkspaceConfig;
  readonly store: Store;
  readonly host: PluginHost;
  readonly plugins: readonly LoadedPlugin[];
  readonly clock: Clock;
  readonly limits: DerivedSetting['limits'] & VerdictSetting['limits'];
  readonly strikes: Map<string, number>;
  readonly memory: Memory;
}
