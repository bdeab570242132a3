import { type OperatorSet, type Problem, didYouMean, factsOf } from '@rapport/rules';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import type { LoadedPlugin } from './loaded-plugin.js';
import { operatorPluginsOf } from './operators.js';
import { segmentKeys, segmentOf } from './membership-keys.js';

export const triggerOf = (document: SegmentDocument | PlaybookDocument): readonly string[] =>
  document.kind === 'playbook' && 'segment' in document.trigger ? [document.trigger.segment] : [];

/** Plugins (`kind/id`) that a document's facts, operators, trigger and steps come from. */
export function referencesOf(document: SegmentDocument | PlaybookDocument, operators: OperatorSet): readonly string[] {
  const facts = factsOf(document, operators).flatMap(({ fact }) => sourceOf(fact));
  const actions = document.kind === 'playbook' ? document.steps.map((step) => `action/${step.action}`) : [];
  return [
    ...facts,
    ...operatorPluginsOf(document, operators),
    ...triggerOf(document).map((segment) => `segment/${segmentOf(segment)}`),
    ...actions,
  ];
}

/** The problem of a playbook that waits for a segment that there is not; null for none. */
export function unknownTrigger(document: PlaybookDocument, plugins: readonly LoadedPlugin[]): Problem | null {
  const segments = plugins.flatMap((plugin) =>
    plugin.kind === 'segment' && plugin.document.subject === document.subject ? segmentKeys(plugin.document) : [],
  );
  const unknown = triggerOf(document).find((segment) => !segments.includes(segment));
  return unknown === undefined
    ? null
    : {
        code: 'RAPPORT_PLUGIN_SEGMENT',
        pointer: '/trigger/segment',
        message: `there is no segment "${unknown}" of ${document.subject}s.${didYouMean(unknown, segments)} Known: ${segments.join(', ') || 'none'}.`,
      };
}

/** The plugin that a fact comes from: one key, or none for a trait. */
export function sourceOf(fact: string): readonly string[] {
  const [head = '', next = ''] = fact.split('.');
  if (head === 'trait') return [];
  return [head === 'segment' ? `segment/${next}` : `metric/${head}`];
}
