import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { operatorPluginsOf } from '@rapport/engine';
import { factsOf, type OperatorSet } from '@rapport/rules';
import { finding, type Finding } from './finding.js';

/** The plugins that a document speaks of, as `kind/id`. */
export function mentionedIn(document: SegmentDocument | PlaybookDocument, operators: OperatorSet): readonly string[] {
  const segment = (name: string) => `segment/${name.split('.')[0] ?? ''}`;
  const ofFacts = factsOf(document, operators).flatMap(({ fact }) => {
    const [head = '', ...rest] = fact.split('.');
    if (head === 'trait') return [];
    return [head === 'segment' ? segment(rest.join('.')) : `metric/${head.split(':')[0] ?? ''}`];
  });
  const read = [...ofFacts, ...operatorPluginsOf(document, operators)];
  if (document.kind === 'segment') return read;
  const trigger = 'segment' in document.trigger ? [segment(document.trigger.segment)] : [];
  return [...read, ...trigger, ...document.steps.map(({ action }) => `action/${action}`)];
}

/** A segment carries an example of everything that it can say. Whether they hold is tried when it is loaded. */
export function documentTestFindings({ bands, tests = [] }: SegmentDocument): readonly Finding[] {
  const verdicts = bands ? bands.map(({ id }) => id) : ['in', 'out'];
  const missing = verdicts.filter((verdict) => !tests.some((test) => test.expect === verdict));
  if (missing.length === 0) return [];
  const message = `No test of the document expects ${missing.map((verdict) => `"${verdict}"`).join(', ')}. Add an example of each: facts, and what they make of a subject.`;
  return [finding('RAPPORT_CHECK_DOCUMENT_TESTS', 'document/tests', message)];
}
