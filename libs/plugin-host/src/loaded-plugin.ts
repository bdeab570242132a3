import type {
  ActionDefinition,
  Evidence,
  Manifest,
  Measures,
  MetricDefinition,
  OperatorExample,
  OperatorReading,
  PlaybookDocument,
  SegmentDocument,
  Window,
} from '@rapport/sdk';

/** A plugin that passed every check, as data: its code stays in the plugin worker. */
export type LoadedPlugin = {
  readonly name: string;
  readonly version: string;
  readonly dir: string;
  readonly manifest: Manifest;
  /** Validated configuration with defaults; secrets replaced by "•••". */
  readonly config: Readonly<Record<string, unknown>>;
  readonly configHash: string;
} & (
  | { readonly kind: 'metric'; readonly definition: MetricDescriptor }
  | { readonly kind: 'segment'; readonly document: SegmentDocument }
  | { readonly kind: 'playbook'; readonly document: PlaybookDocument; readonly enabled: boolean }
  | {
      readonly kind: 'action';
      readonly definition: Pick<ActionDefinition, 'id' | 'title' | 'description' | 'config' | 'input'>;
      readonly configured: boolean;
    }
  | { readonly kind: 'operator'; readonly definition: OperatorDescriptor }
);

export type LoadedDocument = Extract<LoadedPlugin, { readonly kind: 'segment' | 'playbook' }>;

/** The segments and playbooks among plugins, in their order. */
export const documentsAmong = (plugins: readonly LoadedPlugin[]): readonly LoadedDocument[] =>
  plugins.filter((plugin): plugin is LoadedDocument => plugin.kind === 'segment' || plugin.kind === 'playbook');

/** A metric's definition without its functions; `measures` and `uses` already resolved for its configuration. */
export type MetricDescriptor = Pick<
  MetricDefinition,
  'id' | 'title' | 'description' | 'source' | 'unit' | 'range' | 'subjects' | 'config' | 'parts'
> & {
  /** What the plugin worker knows this metric with this configuration by. */
  readonly key: string;
  readonly measures: Measures;
  readonly uses: readonly string[];
  readonly usesPortfolio: readonly string[];
  readonly window: Window | null;
  readonly evidence: Evidence | null;
  /** Name of the part whose entries add up to the value. */
  readonly contributions: string | null;
  readonly family: 'measure' | 'reduce';
  readonly reducesPortfolio: boolean;
};

/** An operator's definition without its test. */
export interface OperatorDescriptor {
  readonly id: string;
  /** What documents call it. */
  readonly name: string;
  /** What documents of json-rules-engine call it, where that is another name; else null. */
  readonly compatName: string | null;
  readonly title: string;
  readonly description: string;
  readonly source: string | null;
  readonly reading: OperatorReading;
  /** JSON Schema of a condition's value; false where there is none. */
  readonly value: Readonly<Record<string, unknown>> | false;
  readonly words: readonly [holds: string, holdsNot: string];
  readonly examples: readonly OperatorExample[];
}

/** Why a plugin was not loaded. Codes: `RAPPORT_PLUGIN_*` (see docs/errors.md). */
export interface RefusedPlugin {
  readonly name: string;
  readonly code: string;
  /** A sentence that names the place and the way out. */
  readonly message: string;
}
