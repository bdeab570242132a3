export * from './window.js';
export * from './filter.js';
export * from './measure.js';
export * from './fold.js';
export * from './metric.js';
export * from './refuse-config.js';
export { total } from './decimal.js';
export * from './profile-set.js';
export * from './document.js';
export * from './action.js';
export * from './operator.js';
export * from './manifest.js';
import type { ActionDefinition } from './action.js';
import type { PlaybookDefinition, SegmentDefinition } from './document.js';
import type { MetricDefinition } from './metric.js';
import type { OperatorDefinition } from './operator.js';
/** Whatever a plugin package may export by default. */
export type Plugin = MetricDefinition | SegmentDefinition | PlaybookDefinition | ActionDefinition | OperatorDefinition;
export { Type, type Static } from 'typebox';
