export { canonical, sha256 } from './canonical.js';
export { catalogueFor, factsKnown } from './catalogue.js';
export { hashOf, metricConfigHash } from './config-hash.js';
export { derivedFrom, isDerived, type DerivedFact } from './derived-facts.js';
export { findPlugins, type FoundPackage } from './discovery.js';
export { documentVersion, type DocumentFile } from './document-file.js';
export { entryOf } from './entry.js';
export { EngineError, messageOf } from './error.js';
export {
  documentsAmong,
  type LoadedDocument,
  type LoadedPlugin,
  type MetricDescriptor,
  type OperatorDescriptor,
  type RefusedPlugin,
} from './loaded-plugin.js';
export { loadPlugins, type Loaded } from './loading.js';
export { measureDefinitions, scopeSchema } from './measure-schema.js';
export { playbookKey, segmentKeys, segmentOf } from './membership-keys.js';
export { operatorPluginsOf, operatorsOf } from './operators.js';
export { createPluginHost, defaultWorkers, type Held, type HostOptions, type PluginHost } from './plugin-host.js';
export { isEnabled, isLeftOut, settingOf, type PluginSettings } from './plugin-settings.js';
export { type ComputeReply, type FrameRequest, type InputSource, type PortfolioResult } from './protocol.js';
export { referencesOf, unknownTrigger } from './references.js';
export { cycleIn, inOrder } from './requirements.js';
export { resultColumns, type Reason } from './result-columns.js';
export { reasonAt } from './compute.js';
export { AT_ONCE, trying, verdictsOf, type Operators, type VerdictSetting, type Verdicts } from './verdicts.js';
export { WorkerDied } from './thread/thread.js';
