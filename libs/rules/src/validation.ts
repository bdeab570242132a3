import type { ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Condition, PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { operatorsFor, type FactCatalogue } from './catalogue.js';
import { MAX_DEPTH, usesOf, type FactUse } from './condition.js';
import { irOf, leavesOf, type RuleLeaf } from './ir.js';
import { instantOf, isChange, operators, ruleOf, type FactType, type Operator, type OperatorSet } from './operator.js';
import { nestsWithin } from './depth.js';
import { pointerToken, type Problem } from './problem.js';
import { problemsOf } from './schema-problem.js';
import { playbookSchema, segmentSchema } from './schema.js';
import { didYouMean } from './suggestion.js';

const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, verbose: true });
const isSegment = ajv.compile<SegmentDocument>(segmentSchema);
const isPlaybook = ajv.compile<PlaybookDocument>(playbookSchema);

export type Checked<D> =
  { readonly ok: true; readonly document: D } | { readonly ok: false; readonly problems: readonly Problem[] };

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
  const { reading, expected, why } = rule.takes;
  if (reading(value) === null) {
    const reason = why?.(value) ?? '';
    const message = `the value of "${operator}" must be ${expected}${reason === '' ? '.' : `: ${reason}`}`;
    return [problem('RAPPORT_RULES_VALUE', `${pointer}/value`, message)];
  }
  if (isChange(operator) && /^(?:trait|segment|event)\./.test(fact))
    return [
      problem('RAPPORT_RULES_TYPE', `${pointer}/fact`, `"${operator}" is about a metric, which "${fact}" is not.`),
    ];
  return [];
}

/**
 * What is wrong with a condition: its shape, operators, and values that do not fit their operator.
 *
 * @param more operators that there are beside Rapport's own
 */
export function checkCondition(
  condition: unknown,
  pointer = '',
  depth = 0,
  more: OperatorSet = new Map(),
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
        'must be a condition: { "all": […] }, { "any": […] }, { "not": … } or { "fact", "operator", "value" }.',
      ),
    ];
  const node = condition as Readonly<Record<string, unknown>>;
  const kinds = ['all', 'any', 'not', 'fact'].filter((key) => Object.hasOwn(node, key));
  if (kinds.length !== 1) {
    const has = kinds.length === 0 ? 'none' : kinds.map((kind) => `"${kind}"`).join(', ');
    return [
      problem('RAPPORT_RULES_SHAPE', pointer, `must have exactly one of "all", "any", "not" and "fact"; has ${has}.`),
    ];
  }
  const kind = kinds[0] as 'all' | 'any' | 'not' | 'fact';
  const allowed = kind === 'fact' ? ['fact', 'operator', 'value'] : [kind];
  const extra = Object.keys(node).find((key) => !allowed.includes(key));
  if (extra !== undefined) {
    const message = `"${extra}" is not a known key here.${didYouMean(extra, allowed)}`;
    return [problem('RAPPORT_RULES_SHAPE', `${pointer}/${pointerToken(extra)}`, message)];
  }
  if (kind === 'fact') return checkLeaf(node, pointer, more);
  if (kind === 'not') return checkCondition(node['not'], `${pointer}/not`, depth + 1, more);
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
    checkCondition(child, `${pointer}/${kind}/${String(i)}`, depth + 1, more),
  );
}

const shapeProblems = (errors: readonly ErrorObject[] | null | undefined) =>
  problemsOf(errors ?? [], 'RAPPORT_RULES_SHAPE');
const tooDeep = problem(
  'RAPPORT_RULES_DEPTH',
  '',
  `the document nests too deeply; conditions may nest ${String(MAX_DEPTH)} deep.`,
);

/** Checks a segment document's shape, conditions and tests (not that its facts exist: see `checkFacts`). */
export function checkSegment(value: unknown, more?: OperatorSet): Checked<SegmentDocument> {
  if (!nestsWithin(value, MAX_JSON_DEPTH)) return { ok: false, problems: [tooDeep] };
  if (!isSegment(value)) return { ok: false, problems: shapeProblems(isSegment.errors) };
  const problems: Problem[] = conditionsOf(value).flatMap(({ condition, pointer }) =>
    checkCondition(condition, pointer, 0, more),
  );
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
  const expected = value.bands ? [...bands, 'out', 'unknown'] : outcomes;
  value.tests?.forEach((test, i) => {
    if (!expected.includes(test.expect)) {
      problems.push(
        problem(
          'RAPPORT_RULES_SHAPE',
          `/tests/${String(i)}/expect`,
          `must be one of ${expected.join(', ')}.${didYouMean(test.expect, expected)}`,
        ),
      );
    }
    if (test.asOf !== undefined && instantOf(test.asOf) === null) {
      problems.push(
        problem('RAPPORT_RULES_SHAPE', `/tests/${String(i)}/asOf`, 'must be a time such as "2026-06-01T00:00:00Z".'),
      );
    }
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, document: value };
}

/** Checks a playbook document's shape and condition (not that its facts, segment and actions exist). */
export function checkPlaybook(value: unknown, more?: OperatorSet): Checked<PlaybookDocument> {
  if (!nestsWithin(value, MAX_JSON_DEPTH)) return { ok: false, problems: [tooDeep] };
  if (!isPlaybook(value)) return { ok: false, problems: shapeProblems(isPlaybook.errors) };
  const problems: Problem[] = conditionsOf(value).flatMap(({ condition, pointer }) =>
    checkCondition(condition, pointer, 0, more),
  );
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

/** Every condition of a document, with the place it stands at. */
export function conditionsOf(
  document: SegmentDocument | PlaybookDocument,
): readonly { readonly condition: Condition; readonly pointer: string }[] {
  if (document.kind === 'playbook')
    return 'when' in document.trigger ? [{ condition: document.trigger.when, pointer: '/trigger/when' }] : [];
  return [
    ...(document.enter ? [{ condition: document.enter, pointer: '/enter' }] : []),
    ...(document.exit ? [{ condition: document.exit, pointer: '/exit' }] : []),
    ...(document.bands ?? []).map((band, i) => ({ condition: band.enter, pointer: `/bands/${String(i)}/enter` })),
  ];
}

/** Every use of a fact in a document, in document order: what the planner has to provide, and as what. */
export const factsOf = (document: SegmentDocument | PlaybookDocument): readonly FactUse[] =>
  conditionsOf(document).flatMap(({ condition, pointer }) => usesOf(condition, pointer));

/** Most problems that are told of the facts of one document. */
const MOST_PROBLEMS = 100;

/** Operators that compare a text, or the items of a list, as a whole. */
const comparesWhole: readonly string[] = [
  'equal',
  'notEqual',
  'in',
  'notIn',
  'contains',
  'doesNotContain',
  'hasAll',
  'hasAny',
] satisfies Operator[];

/** The one type that a fact of these readings has, or null. */
const typeOf = (readings: readonly string[]): FactType | null => {
  const [only] = readings;
  if (readings.length !== 1 || only === undefined) return null;
  return only === 'any' ? 'list' : (only as FactType);
};

/** Why a fact that a leaf reads is not there. */
function missing({ fact, operator }: RuleLeaf, catalogue: FactCatalogue): string {
  const metric = isChange(operator) ? fact.slice(0, fact.lastIndexOf('.')) : fact;
  if (metric !== fact && catalogue.readingsOf(metric) !== null)
    return `"${operator}" compares a metric with its value one window before, and "${metric}" has no window: there is no fact "${fact}".`;
  const derived = /^(.+)\.(?:previous|change|changeRate)$/.exec(fact)?.[1];
  if (derived !== undefined && catalogue.readingsOf(derived) !== null)
    return `there is no fact "${fact}": "${derived}" has no main window that could be compared with the one before.`;
  return `there is no fact "${metric}".${didYouMean(metric, catalogue.names)}`;
}

/** What is wrong with one use of a fact; null when nothing is. */
function checkUse(leaf: RuleLeaf, catalogue: FactCatalogue): Problem | null {
  const { fact, operator, reading, pointer } = leaf;
  const readings = catalogue.readingsOf(fact);
  if (readings === null) return problem('RAPPORT_RULES_FACT', `${pointer}/fact`, missing(leaf, catalogue));
  const type = typeOf(readings);
  const mistaken = type !== null && type !== 'list' && ruleOf(operator)?.takes.ofList === true;
  if (mistaken || (reading !== 'any' && !readings.includes(reading))) {
    const is = type ?? readings.join(' or ');
    const asked = mistaken ? 'a list' : reading;
    const fitting = type === null ? '' : ` Operators for it: ${operatorsFor(type).join(', ')}.`;
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

/** Facts that a document uses and that do not exist or are of another type; the first hundred. */
export function checkFacts(document: SegmentDocument | PlaybookDocument, catalogue: FactCatalogue): readonly Problem[] {
  const problems: Problem[] = [];
  for (const { condition, pointer } of conditionsOf(document))
    for (const leaf of leavesOf(irOf(condition, 0, pointer))) {
      const found = checkUse(leaf, catalogue);
      if (found && problems.push(found) >= MOST_PROBLEMS) return problems;
    }
  return problems;
}
