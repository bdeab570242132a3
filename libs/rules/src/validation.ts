import type { ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { isTrait, operatorsFor, type FactCatalogue } from './catalogue.js';
import { compileConditions } from './compat/document.js';
import { MAX_DEPTH, type FactUse } from './condition.js';
import { anyTime } from './moment.js';
import { irOf, partsOf, type RuleLeaf } from './ir.js';
import type { RuleJoint } from './joint.js';
import {
  comparesWhole,
  isChange,
  operators,
  ruleOf,
  type FactType,
  type Operator,
  type OperatorSet,
} from './operator.js';
import { isTime } from './time-span.js';
import { nestsWithin } from './depth.js';
import { isFactValue, pairOf, pairOperators } from './pair.js';
import { namedPointer, pointerToken, type Problem } from './problem.js';
import { referencesIn, writtenIn, type WrittenCondition } from './reference.js';
import { conditionsOf } from './resolution.js';
import { problemsOf } from './schema-problem.js';
import { playbookSchema, segmentSchema } from './schema.js';
import { didYouMean } from './suggestion.js';

export { conditionsOf, factsOf } from './resolution.js';

const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, verbose: true });
const isSegment = ajv.compile<SegmentDocument>(segmentSchema);
const isPlaybook = ajv.compile<PlaybookDocument>(playbookSchema);

export type Checked<D> =
  { readonly ok: true; readonly document: D } | { readonly ok: false; readonly problems: readonly Problem[] };

const LONGEST_NAME = 200;

/** Deepest nesting of objects and lists that a document may have. */
export const MAX_JSON_DEPTH = 4 * MAX_DEPTH;

const problem = (code: string, pointer: string, message: string): Problem => ({
  code,
  pointer,
  message,
});

/** What is wrong with a leaf: its names, and a value that does not fit the operator. */
function checkLeaf(node: Readonly<Record<string, unknown>>, pointer: string, more?: OperatorSet): readonly Problem[] {
  const { fact, operator, value } = node;
  if (typeof fact !== 'string' || fact === '')
    return [problem('RAPPORT_RULES_SHAPE', `${pointer}/fact`, '"fact" must be the name of a fact.')];
  const rule = typeof operator === 'string' ? ruleOf(operator, more) : null;
  if (typeof operator !== 'string' || rule === null) {
    const names = [...operators, ...(more?.keys() ?? [])];
    const told = typeof operator === 'string' ? JSON.stringify(operator) : 'this';
    const meant = typeof operator === 'string' ? didYouMean(operator, names) : '';
    return [
      problem(
        'RAPPORT_RULES_OPERATOR',
        `${pointer}/operator`,
        `${told} is not an operator.${meant} Operators: ${names.join(', ')}.`,
      ),
    ];
  }
  if (isFactValue(value)) return checkFactValue(operator, value, pointer);
  const { reading, expected, why } = rule.takes;
  if (reading(value) === null) {
    const reason = why?.(value) ?? '';
    const inList = Array.isArray(value) && value.some(isFactValue);
    const message = inList
      ? `a list cannot hold another fact: write the values of "${operator}" down, or compare with one fact in each of several conditions.`
      : `the value of "${operator}" must be ${expected}${reason === '' ? '.' : `: ${reason}`}`;
    return [problem('RAPPORT_RULES_VALUE', `${pointer}/value`, message)];
  }
  if (isChange(operator) && /^(?:trait|segment|event)\./.test(fact))
    return [
      problem('RAPPORT_RULES_TYPE', `${pointer}/fact`, `"${operator}" is about a metric, which "${fact}" is not.`),
    ];
  return [];
}

/** What is wrong with a value that is another fact. */
function checkFactValue(
  operator: string,
  value: Readonly<Record<string, unknown>>,
  pointer: string,
): readonly Problem[] {
  const place = `${pointer}/value`;
  if (pairOf(operator) === null) {
    const message = `the value of "${operator}" cannot be another fact. Operators that can be compared with one: ${pairOperators.join(', ')}.`;
    return [problem('RAPPORT_RULES_VALUE', place, message)];
  }
  if (typeof value['fact'] !== 'string' || value['fact'] === '')
    return [problem('RAPPORT_RULES_SHAPE', `${place}/fact`, '"fact" must be the name of a fact.')];
  const extra = Object.keys(value).find((key) => key !== 'fact');
  return extra === undefined
    ? []
    : [problem('RAPPORT_RULES_SHAPE', `${place}/${pointerToken(extra)}`, strange(extra, ['fact']))];
}

/** What json-rules-engine has and strict documents have not, and what to do instead. */
const instead: Readonly<Record<string, string>> = {
  path: '"path" is not used in strict documents: ask for a part of the metric ("<metric>.<part>") or another trait, or set "mode" to "compat".',
  params:
    '"params" is not used in strict documents: facts are computed before. Ask for a part of the metric ("<metric>.<part>") or another trait, or set "mode" to "compat".',
  priority:
    '"priority" has no effect in strict documents, where all conditions are looked at: remove it, or set "mode" to "compat".',
};

const strange = (key: string, allowed: readonly string[]): string =>
  Object.hasOwn(instead, key)
    ? (instead[key] ?? '')
    : `"${key}" is not a known key here.${didYouMean(key, allowed)} Known: ${allowed.join(', ')}.`;

/** What is wrong with a reference to a named condition, but that it does not exist: `referencesIn` tells of that. */
function checkReference(name: unknown, pointer: string, named: boolean): readonly Problem[] {
  const place = `${pointer}/condition`;
  if (typeof name !== 'string')
    return [problem('RAPPORT_RULES_SHAPE', place, '"condition" must be the name of a condition.')];
  if (named) return [];
  const message =
    'no condition has a name here: only a document names them, in "conditions". Write the condition itself.';
  return [problem('RAPPORT_RULES_REFERENCE', place, message)];
}

/**
 * What is wrong with a condition: its shape, operators, and values that do not fit their operator.
 *
 * @param more operators that there are beside Rapport's own
 * @param named whether it may refer to conditions by name, as in a document
 */
export function checkCondition(
  condition: unknown,
  pointer = '',
  depth = 0,
  more: OperatorSet = new Map(),
  named = false,
): readonly Problem[] {
  if (depth > MAX_DEPTH)
    return [
      problem(
        'RAPPORT_RULES_DEPTH',
        pointer,
        `conditions nest deeper than ${String(MAX_DEPTH)}; split the rule into segments.`,
      ),
    ];
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition))
    return [
      problem(
        'RAPPORT_RULES_SHAPE',
        pointer,
        'must be a condition: { "all": […] }, { "any": […] }, { "not": … }, { "condition": name } or { "fact", "operator", "value" }.',
      ),
    ];
  const node = condition as Readonly<Record<string, unknown>>;
  const kinds = kindsOfCondition.filter((key) => Object.hasOwn(node, key));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const has = kinds.length === 0 ? 'none' : kinds.map((each) => `"${each}"`).join(', ');
    const meant = Object.keys(node).map((key) => didYouMean(key, kindsOfCondition)).find((hint) => hint !== '') ?? ''; // prettier-ignore
    return [
      problem(
        'RAPPORT_RULES_SHAPE',
        pointer,
        `must have exactly one of "all", "any", "not", "condition" and "fact"; has ${has}.${kinds.length === 0 ? meant : ''}`,
      ),
    ];
  }
  const allowed = kind === 'fact' ? ['fact', 'operator', 'value'] : [kind];
  const extra = Object.keys(node).find((key) => !allowed.includes(key));
  if (extra !== undefined)
    return [problem('RAPPORT_RULES_SHAPE', `${pointer}/${pointerToken(extra)}`, strange(extra, allowed))];
  if (kind === 'fact') return checkLeaf(node, pointer, more);
  if (kind === 'condition') return checkReference(node['condition'], pointer, named);
  if (kind === 'not') return checkCondition(node['not'], `${pointer}/not`, depth + 1, more, named);
  const children = node[kind];
  if (!Array.isArray(children))
    return [problem('RAPPORT_RULES_SHAPE', pointer, `"${kind}" must be a list of conditions.`)];
  if (kind === 'any' && children.length === 0)
    return [
      problem(
        'RAPPORT_RULES_EMPTY',
        `${pointer}/any`,
        'an empty "any" can never be true; name at least one condition.',
      ),
    ];
  return children.flatMap((child: unknown, i) =>
    checkCondition(child, `${pointer}/${kind}/${String(i)}`, depth + 1, more, named),
  );
}

const kindsOfCondition = ['all', 'any', 'not', 'condition', 'fact'] as const;

const shapeProblems = (errors: readonly ErrorObject[] | null | undefined) =>
  problemsOf(errors ?? [], 'RAPPORT_RULES_SHAPE');
const tooDeep = problem(
  'RAPPORT_RULES_DEPTH',
  '',
  `the document nests deeper than ${String(MAX_JSON_DEPTH)} levels; conditions may nest ${String(MAX_DEPTH)} deep, in a "compat" document about twice as deep.`,
);

/** Most different patterns that a document may have: compiling one takes up to a millisecond, during which nothing else happens. */
const MOST_PATTERNS = 200;

/** Refuses more patterns than can be compiled in a moment, without compiling any. */
function tooManyPatterns(written: readonly WrittenCondition[]): Problem | null {
  const seen = new Set<unknown>();
  const excess = (node: unknown, pointer: string): string | null => {
    if (typeof node !== 'object' || node === null) return null;
    if (Reflect.get(node, 'operator') === ('matches' satisfies Operator)) {
      seen.add(Reflect.get(node, 'value'));
      return seen.size > MOST_PATTERNS ? pointer : null;
    }
    for (const [key, child] of Object.entries(node)) {
      const found = excess(child, `${pointer}/${pointerToken(key)}`);
      if (found !== null) return found;
    }
    return null;
  };
  for (const { condition, pointer } of written) {
    const found = excess(condition, pointer);
    if (found === null) continue;
    const message = `"matches" has more than ${String(MOST_PATTERNS)} different patterns in this document. Join some with "|", use "in" or "startsWith", or split the rule into segments.`;
    return problem('RAPPORT_RULES_SIZE', found, message);
  }
  return null;
}

/** What is wrong with the conditions of a document of either mode. */
function checkConditions(document: SegmentDocument | PlaybookDocument, more?: OperatorSet): readonly Problem[] {
  const names = Object.keys(document.conditions ?? {});
  const wrong = names.find((name) => name.trim() === '' || name === '__proto__' || name.length > LONGEST_NAME);
  if (wrong !== undefined) {
    const message = `a condition cannot have this name: choose one of 1 to ${String(LONGEST_NAME)} characters.`;
    return [problem('RAPPORT_RULES_SHAPE', namedPointer(wrong), message)];
  }
  const { conditions = {} } = document;
  const written = writtenIn(document);
  if (document.mode === 'compat') {
    const { problems, unused } = referencesIn(document);
    if (problems.length > 0) return problems;
    // Those that nothing comes to are constructed by json-rules-engine as well, which may refuse them.
    const others = unused.map((name) => ({ condition: conditions[name], pointer: namedPointer(name) }));
    return compileConditions([...written, ...others], document, more ?? new Map()).problems;
  }
  const ofCompat = ['allowUndefinedConditions', 'allowUndefinedFacts'].find((key) => Object.hasOwn(document, key));
  if (ofCompat !== undefined)
    return [
      problem(
        'RAPPORT_RULES_SHAPE',
        `/${ofCompat}`,
        `"${ofCompat}" goes with "mode": "compat"; strict documents have no such choice.`,
      ),
    ];
  const all = [...written, ...names.map((name) => ({ condition: conditions[name], pointer: namedPointer(name) }))];
  const excess = tooManyPatterns(all);
  if (excess) return [excess];
  const problems = all.flatMap(({ condition, pointer }) => checkCondition(condition, pointer, 0, more, true));
  return problems.length > 0 ? problems : referencesIn(document).problems;
}

/** Checks a segment document's shape, conditions and tests (not that its facts exist: see `checkFacts`). */
export function checkSegment(value: unknown, more?: OperatorSet): Checked<SegmentDocument> {
  if (!nestsWithin(value, MAX_JSON_DEPTH)) return { ok: false, problems: [tooDeep] };
  if (!isSegment(value)) return { ok: false, problems: shapeProblems(isSegment.errors) };
  const problems: Problem[] = [...checkConditions(value, more)];
  if ((value.enter === undefined) === (value.bands === undefined)) {
    problems.push(problem('RAPPORT_RULES_SHAPE', '', 'a segment has either "enter" or "bands".'));
  }
  if (value.bands && value.exit)
    problems.push(
      problem('RAPPORT_RULES_SHAPE', '/exit', '"exit" goes with "enter"; bands are left when another band is entered.'),
    );
  const outcomes = ['in', 'out', 'unknown'];
  const bands = (value.bands ?? []).map((band) => band.id);
  bands.forEach((band, i) => {
    if (bands.indexOf(band) !== i)
      problems.push(problem('RAPPORT_RULES_SHAPE', `/bands/${String(i)}/id`, `the band "${band}" is there twice.`));
    if (outcomes.includes(band))
      problems.push(
        problem('RAPPORT_RULES_SHAPE', `/bands/${String(i)}/id`, `"${band}" is reserved; choose another id.`),
      );
  });
  const places = value.bands ? bands : ['in'];
  value.tests?.forEach((test, i) => {
    const wrong = memberProblem(test.member, value.bands ? bands : null);
    if (wrong !== null) problems.push(problem('RAPPORT_RULES_SHAPE', `/tests/${String(i)}/member`, wrong));
    const isMember = test.member !== undefined && test.member !== false;
    const expected = [...places, 'out', ...(isMember ? [] : ['unknown'])];
    if (!expected.includes(test.expect)) {
      const why = isMember && test.expect === 'unknown' ? ' A member is somewhere afterwards, also where the rule is unknown.' : ''; // prettier-ignore
      problems.push(
        problem(
          'RAPPORT_RULES_SHAPE',
          `/tests/${String(i)}/expect`,
          `must be one of ${expected.join(', ')}.${why}${didYouMean(test.expect, expected)}`,
        ),
      );
    }
    if (test.asOf !== undefined && !isTime(test.asOf)) {
      problems.push(
        problem('RAPPORT_RULES_SHAPE', `/tests/${String(i)}/asOf`, 'must be a time such as "2026-06-01T00:00:00Z".'),
      );
    }
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, document: value };
}

/** What is wrong with what a test says of a membership; null when nothing is. */
function memberProblem(member: boolean | string | undefined, bands: readonly string[] | null): string | null {
  if (member === undefined || member === false) return null;
  if (bands === null) return member === true ? null : 'must be true or false: the segment has no bands.';
  if (typeof member === 'string' && bands.includes(member)) return null;
  const meant = typeof member === 'string' ? didYouMean(member, bands) : '';
  return `must be false, or the band that the subject is in: one of ${bands.join(', ')}.${meant}`;
}

/** Checks a playbook document's shape and condition (not that its facts, segment and actions exist). */
export function checkPlaybook(value: unknown, more?: OperatorSet): Checked<PlaybookDocument> {
  if (!nestsWithin(value, MAX_JSON_DEPTH)) return { ok: false, problems: [tooDeep] };
  if (!isPlaybook(value)) return { ok: false, problems: shapeProblems(isPlaybook.errors) };
  const problems: Problem[] = [...checkConditions(value, more)];
  const keys = Object.keys(value.trigger).sort().join();
  if (keys !== 'on,segment' && keys !== 'when') {
    problems.push(
      problem(
        'RAPPORT_RULES_SHAPE',
        '/trigger',
        'must be { "segment": …, "on": "enter" or "exit" } or { "when": condition }.',
      ),
    );
  }
  value.steps.forEach((step, i) => {
    if (value.steps.findIndex((other) => other.id === step.id) !== i) {
      problems.push(
        problem(
          'RAPPORT_RULES_SHAPE',
          `/steps/${String(i)}/id`,
          `the step "${step.id}" is there twice; ids tell deliveries apart.`,
        ),
      );
    }
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, document: value };
}

/** Most problems that are told of the facts of one document. */
const MOST_PROBLEMS = 100;

/** The one type that a fact of these readings has, or null. */
const typeOf = (readings: readonly string[]): FactType | null => {
  const [only] = readings;
  if (readings.length !== 1 || only === undefined) return null;
  return only === 'any' ? 'list' : (only as FactType);
};

/** Why a fact that a leaf reads is not there. */
function missing({ fact, operator }: Pick<FactUse, 'fact' | 'operator'>, catalogue: FactCatalogue): string {
  const metric = isChange(operator) ? fact.slice(0, fact.lastIndexOf('.')) : fact;
  if (metric !== fact && catalogue.readingsOf(metric) !== null)
    return `"${operator}" compares a metric with its value one window before, and "${metric}" has no window: there is no fact "${fact}".`;
  const derived = /^(.+)\.(?:previous|change|changeRate)$/.exec(fact)?.[1];
  if (derived !== undefined && catalogue.readingsOf(derived) !== null)
    return `there is no fact "${fact}": "${derived}" has no main window that could be compared with the one before.`;
  return `there is no fact "${metric}".${didYouMean(metric, catalogue.names)}`;
}

/** What is wrong with one use of a fact; null when nothing is. */
function checkUse(leaf: RuleLeaf, catalogue: FactCatalogue, more?: OperatorSet): Problem | null {
  const { fact, operator, reading, pointer } = leaf;
  const readings = catalogue.readingsOf(fact);
  if (readings === null) return problem('RAPPORT_RULES_FACT', `${pointer}/fact`, missing(leaf, catalogue));
  const type = typeOf(readings);
  const mistaken = type !== null && type !== 'list' && ruleOf(operator, more)?.takes.ofList === true;
  if (mistaken || (reading !== 'any' && !readings.includes(reading))) {
    const is = type ?? readings.join(' or ');
    const asked = mistaken ? 'a list' : reading;
    const fitting = type === null ? '' : ` Operators for it: ${operatorsFor(type, more).join(', ')}.`;
    const message = `"${fact}" is ${is}, but "${operator}" with this value asks for ${asked}.${fitting}`;
    return problem('RAPPORT_RULES_TYPE', pointer, message);
  }
  return checkKnownValue(leaf, catalogue);
}

/** A text that a fact is compared with must be one that it can be, where all of them are known. */
function checkKnownValue({ fact, operator, value, pointer }: RuleLeaf, catalogue: FactCatalogue): Problem | null {
  const known = catalogue.describe?.(fact)?.values;
  if (!known || !comparesWhole.includes(operator)) return null;
  const several = Array.isArray(value);
  const given: readonly unknown[] = several ? value : [value];
  const wrong = given.findIndex((one) => typeof one === 'string' && !known.includes(one));
  if (wrong === -1) return null;
  const meant = didYouMean(String(given[wrong]), known);
  const place = several ? `${pointer}/value/${String(wrong)}` : `${pointer}/value`;
  return problem(
    'RAPPORT_RULES_VALUE',
    place,
    `"${fact}" is never ${JSON.stringify(given[wrong])}.${meant} Known: ${known.join(', ')}.`,
  );
}

/** What is wrong with facts that are tested together: those that are not there, and two that cannot be compared. */
function checkJoint(
  { pointer, operator, uses, question }: RuleJoint,
  catalogue: FactCatalogue,
  more?: OperatorSet,
): readonly Problem[] {
  const absent = uses.filter(({ fact }) => catalogue.readingsOf(fact) === null);
  if (absent.length > 0 || question.kind === 'compat')
    return absent.map((use) => problem('RAPPORT_RULES_FACT', `${use.pointer}/fact`, missing(use, catalogue)));
  const [one = '', other = ''] = uses.map(({ fact }) => fact);
  const [type, otherType] = [one, other].map((fact) => typeOf(catalogue.readingsOf(fact) ?? []));
  const fits = ruleOf(operator)?.fits ?? [];
  const refuse = (place: string, message: string) => [problem('RAPPORT_RULES_TYPE', place, message)];
  if (type && !fits.includes(type))
    return refuse(
      pointer,
      `"${one}" is ${type}, which "${operator}" does not fit. Operators for it: ${operatorsFor(type, more).join(', ')}.`,
    );
  if (otherType && !question.pair.other.includes(otherType))
    return refuse(
      `${pointer}/value`,
      `"${other}" is ${otherType}; "${operator}" compares with a fact that is ${question.pair.other.join(' or ')}.`,
    );
  if (type && otherType && type !== 'list' && type !== otherType)
    return refuse(
      `${pointer}/value`,
      `"${one}" is ${type} and "${other}" is ${otherType}: compare facts of the same type.`,
    );
  // A metric's times are numbers, a trait's are text: only what reads both as times can compare them.
  if (question.pair.reading !== 'time' && (type === 'time' || otherType === 'time') && isTrait(one) !== isTrait(other))
    return refuse(pointer, `"${operator}" cannot compare a metric's time with a trait's: use "before" or "after".`);
  return [];
}

/** Facts that a document uses and that do not exist or are of another type; the first hundred, each place once. */
export function checkFacts(
  document: SegmentDocument | PlaybookDocument,
  catalogue: FactCatalogue,
  more?: OperatorSet,
): readonly Problem[] {
  const problems = new Map<string, Problem>();
  for (const { condition, pointer } of conditionsOf(document))
    for (const part of partsOf(irOf(condition, anyTime, pointer, more))) {
      const found = part.kind === 'leaf' ? [checkUse(part, catalogue, more)] : checkJoint(part, catalogue, more);
      for (const one of found) if (one) problems.set(`${one.code} ${one.pointer}`, one);
      if (problems.size >= MOST_PROBLEMS) break;
    }
  return [...problems.values()].slice(0, MOST_PROBLEMS);
}
