import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { anyTime } from './moment.js';
import { irOf, partsOf, type RuleLeaf } from './ir.js';
import type { Finding } from './lint.js';
import { comparesWhole, type OperatorSet } from './operator.js';
import { conditionsOf } from './resolution.js';
import { didYouMean, nearest } from './suggestion.js';

/** What the data holds of one trait. Counts are of subjects; true, false, lists and objects are in none of them. */
export interface TraitProfile {
  readonly texts: number;
  readonly numbers: number;
  /** Texts and numbers that can be read as a time. */
  readonly times: number;
  /** Texts, those that most subjects have first. */
  readonly frequent: readonly string[];
  /** Whether `frequent` has every text that there is. */
  readonly isComplete: boolean;
  /** A text that cannot be read as a time; null where there is none. */
  readonly notATime: string | null;
}

/** What the data holds of the subjects that a document is about. */
export interface TraitProfiles {
  /** `account` or `user`, for messages. */
  readonly kind: 'account' | 'user';
  readonly subjects: number;
  /** Every trait that was ever set. */
  readonly names: readonly string[];
  /** By name, of the traits that were looked at. */
  readonly profiles: ReadonlyMap<string, TraitProfile>;
}

/** Most findings about the traits of one document. */
const MOST_FINDINGS = 100;
const MOST_LISTED = 10;

const nameOf = (fact: string): string | null => (fact.startsWith('trait.') ? fact.slice('trait.'.length) : null);

/** The traits that a document reads, each once. */
export const traitsOf = (document: SegmentDocument | PlaybookDocument, more?: OperatorSet): readonly string[] => [
  ...new Set(
    conditionsOf(document).flatMap(({ condition, pointer }) =>
      partsOf(irOf(condition, anyTime, pointer, more)).flatMap((part) =>
        (part.kind === 'leaf' ? [part] : part.uses).flatMap(({ fact }) => nameOf(fact) ?? []),
      ),
    ),
  ),
];

/**
 * Where a document does not fit the traits that the data has today: a trait that nobody has (`RAPPORT_RULES_TRAIT`), one that is of another type
 * (`RAPPORT_RULES_TRAIT_TYPE`), a text that it never is (`RAPPORT_RULES_TRAIT_VALUE`). None of them keeps a document from being in force: the
 * data may yet come. Nothing is found where there are no subjects.
 */
export function lintTraits(
  document: SegmentDocument | PlaybookDocument,
  traits: TraitProfiles,
  more?: OperatorSet,
): readonly Finding[] {
  if (traits.subjects === 0) return [];
  const findings = new Map<string, Finding>();
  const add = (code: string, pointer: string, message: string) => {
    const key = `${code} ${pointer}`;
    if (findings.size < MOST_FINDINGS && !findings.has(key))
      findings.set(key, { code, pointer, message, sample: null });
  };
  const known = new Set(traits.names);
  for (const { condition, pointer } of conditionsOf(document))
    for (const part of partsOf(irOf(condition, anyTime, pointer, more))) {
      for (const use of part.kind === 'leaf' ? [part] : part.uses) {
        const name = nameOf(use.fact);
        if (name === null || known.has(name)) continue;
        const message = `no ${traits.kind} has ever had the trait "${name}".${didYouMean(name, traits.names)} Traits: ${listed(traits.names)}.`;
        add('RAPPORT_RULES_TRAIT', `${use.pointer}/fact`, message);
      }
      const profile = part.kind === 'leaf' ? traits.profiles.get(nameOf(part.fact) ?? '') : undefined;
      if (part.kind !== 'leaf' || !profile) continue;
      const mistaken = otherType(part, profile, traits.kind);
      if (mistaken !== null) add('RAPPORT_RULES_TRAIT_TYPE', `${part.pointer}/value`, mistaken);
      else
        for (const { place, message } of unseenTexts(part, profile, traits.kind))
          add('RAPPORT_RULES_TRAIT_VALUE', place, message);
    }
  return [...findings.values()];
}

function listed(words: readonly string[]): string {
  if (words.length === 0) return 'none';
  const more = words.length - MOST_LISTED;
  return `${words
    .slice(0, MOST_LISTED)
    .map((word) => word.slice(0, 100))
    .join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}

const counted = (count: number, kind: string): string => `${String(count)} ${kind}${count === 1 ? '' : 's'}`;

/** Says that nobody's value is of the type that a condition asks for, where the data has the trait in another. */
function otherType({ fact, reading, value, operator }: RuleLeaf, profile: TraitProfile, kind: string): string | null {
  const { texts, numbers, times, notATime } = profile;
  const written = value === undefined ? operator : JSON.stringify(value);
  switch (reading) {
    case 'text': {
      if (texts > 0 || numbers === 0) return null;
      const bare = typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value));
      return `"${fact}" is a number (of ${counted(numbers, kind)}), and never the text ${written}.${bare ? ` Write ${String(Number(value))} without quotes.` : ''}`;
    }
    case 'number':
      if (numbers > 0 || texts === 0) return null;
      return `"${fact}" is text (of ${counted(texts, kind)}), and never the number ${written}.${typeof value === 'number' ? ` Write "${String(value)}" in quotes.` : ''}`;
    case 'time':
      if (times > 0 || notATime === null) return null;
      return `"${fact}" of ${counted(texts, kind)} cannot be read as a time, such as ${JSON.stringify(notATime)}. Send it as "2026-07-01" or "2026-07-01T09:00:00Z".`;
    case 'boolean':
      if (texts + numbers === 0) return null;
      return `"${fact}" is text or a number (of ${counted(texts + numbers, kind)}), which is neither true nor false.`;
    case 'any':
      return null;
  }
}

/** Texts that a condition asks for and nobody has: all of them, where every text is known; else those that differ from a frequent one in case only. */
function unseenTexts(leaf: RuleLeaf, profile: TraitProfile, kind: string) {
  const { fact, value, operator, pointer } = leaf;
  const { frequent, isComplete, texts } = profile;
  if (texts === 0 || !comparesWhole.includes(operator)) return [];
  const several = Array.isArray(value);
  const given: readonly unknown[] = several ? value : [value];
  const plain = new Map(frequent.map((text) => [text.toLowerCase().trim(), text]));
  return given.flatMap((text, i) => {
    if (typeof text !== 'string' || frequent.includes(text)) return [];
    const alike = plain.get(text.toLowerCase().trim());
    if (alike === undefined && !isComplete) return [];
    const meant = alike ?? nearest(text, frequent);
    const hint = meant === null ? '' : ` Did you mean "${meant.slice(0, 100)}"?`;
    const message = `no ${kind} has ${JSON.stringify(text)} as "${fact}".${hint} ${isComplete ? 'Values' : 'Frequent values'}: ${listed(frequent)}.`;
    return [{ place: several ? `${pointer}/value/${String(i)}` : `${pointer}/value`, message }];
  });
}
