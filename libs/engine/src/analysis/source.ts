import { type LoadedPlugin } from '@rapport/plugin-host';
import type { Store } from '@rapport/store';
import type { WorkspaceConfig } from '../config.js';
import type { EvaluateOptions, Evaluation } from '../measurement/evaluation.js';

/** What an analysis reads: stored results and history, the loaded plugins, and evaluations of the past. An `Engine` is one. */
export interface AnalysisSource {
  readonly config: WorkspaceConfig;
  readonly store: Store;
  readonly plugins: readonly LoadedPlugin[];
  /** Computes, commits nothing. */
  evaluate(options?: EvaluateOptions): Promise<Evaluation>;
}
