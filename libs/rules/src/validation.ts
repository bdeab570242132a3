import { Ajv, type ErrorObject } from 'ajv';
import type { Condition, PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { MAX_DEPTH, usesOf, type FactUse } from './condition.js';
import { expectedValue, instantOf, isOperator, operators, readingOf } from './operator.js';
import { pointerToken, type Problem } from './problem.js';
import { problemsOf } from './schema-problem.js';
import { playbookSchema, segmentSchema } from './schema.js';
import { didYouMean } from './suggestion.js';

const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, verbose: true });
const isSegment = ajv.compile<SegmentDocument>(segmentSchema);
const isPlaybook = ajv.compile<PlaybookDocument>(playbookSchema);

export type Checked<D> =
  { readonly ok: true; readonly document: D } | { readonly ok: false; readonly problems: readonly Problem[] };

const MAX_JSON_DEPTH = 4 * MAX_DEPTH;

/** True when a JSON value nests no deeper than `most`. Does not recurse, so that no document can exhaust the stack. */
function isShallow(value: unknown, most: number): boolean {
  const left: [unknown, number][] = [[value, 0]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [node, depth] = next;
    if (typeof node !== 'object' || node === null) continue;
    if (depth >= most) return false;
    for (const child of Object.values(node)) left.push([child, depth + 1]);
  }
  return true;
}

/** What is wrong with a condition: its shape, operators, and values that do not fit their operator. */
export function checkCondition(condition: unknown, pointer = '', depth = 0): readonly Problem[] {
  if (depth > MAX_DEPTH)
    return [
      {
        code: 'RAPPORT_RULES_DEPTH',
        pointer,
        message: `conditions nest deeper than ${String(MAX_DEPTH)}; split the rule into segments.`,
      },
    ];
  const shape = (message: string): readonly Problem[] => [{ code: 'RAPPORT_RULES_SHAPE', pointer, message }];
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition))
    return shape(
      'must be a condition: { "all": […] }, { "any": […] }, { "not": … } or { "fact", "operator", "value" }.',
    );
  const node = condition as Readonly<Record<string, unknown>>;
  const kinds = ['all', 'any', 'not', 'fact'].filter((key) => Object.hasOwn(node, key));
  if (kinds.length !== 1)
    return shape(
      `must have exactly one of "all", "any", "not" and "fact"; has ${kinds.length === 0 ? 'none' : kinds.map((kind) => `"${kind}"`).join(', ')}.`,
    );
  const kind = kinds[0] as 'all' | 'any' | 'not' | 'fact';
  const allowed = kind === 'fact' ? ['fact', 'operator', 'value'] : [kind];
  const extra = Object.keys(node).find((key) => !allowed.includes(key));
  if (extra !== undefined) {
    return [
      {
        code: 'RAPPORT_RULES_SHAPE',
        pointer: `${pointer}/${pointerToken(extra)}`,
        message: `"${extra}" is not a known key here.${didYouMean(extra, allowed)}`,
      },
    ];
  }
  if (kind === 'not') return checkCondition(node['not'], `${pointer}/not`, depth + 1);
  if (kind !== 'fact') {
    const children = node[kind];
    if (!Array.isArray(children)) return shape(`"${kind}" must be a list of conditions.`);
    if (kind === 'any' && children.length === 0)
      return [
        {
          code: 'RAPPORT_RULES_EMPTY',
          pointer: `${pointer}/any`,
          message: 'an empty "any" can never be true; name at least one condition.',
        },
      ];
    return children.flatMap((child: unknown, i) => checkCondition(child, `${pointer}/${kind}/${String(i)}`, depth + 1));
  }
  const { fact, operator, value } = node;
  if (typeof fact !== 'string' || fact === '')
    return [{ code: 'RAPPORT_RULES_SHAPE', pointer: `${pointer}/fact`, message: '"fact" must be the name of a fact.' }];
  if (typeof operator !== 'string' || !isOperator(operator)) {
    const meant = typeof operator === 'string' ? didYouMean(operator, operators) : '';
    return [
      {
        code: 'RAPPORT_RULES_OPERATOR',
        pointer: `${pointer}/operator`,
        message: `${typeof operator === 'string' ? JSON.stringify(operator) : 'this'} is not an operator.${meant} Operators: ${operators.join(', ')}.`,
      },
    ];
  }
  if (readingOf(operator, value) === null)
    return [
      {
        code: 'RAPPORT_RULES_VALUE',
        pointer: `${pointer}/value`,
        message: `the value of "${operator}" must be ${expectedValue[operator]}.`,
      },
    ];
  return [];
}

const shapeProblems = (errors: readonly ErrorObject[] | null | undefined) =>
  problemsOf(errors ?? [], 'RAPPORT_RULES_SHAPE');
const tooDeep: Problem = {
  code: 'RAPPORT_RULES_DEPTH',
  pointer: '',
  message: `the document nests too deeply; conditions may nest ${String(MAX_DEPTH)} deep.`,
};

/** Checks a segment document's shape, conditions and tests (not that its facts exist: see `checkFacts`). */
export function checkSegment(value: unknown): Checked<SegmentDocument> {
  if (!isShallow(value, MAX_JSON_DEPTH)) return { ok: false, problems: [tooDeep] };
  if (!isSegment(value)) return { ok: false, problems: shapeProblems(isSegment.errors) };
  const problems: Problem[] = conditionsOf(value).flatMap(({ condition, pointer }) =>
    checkCondition(condition, pointer),
  );
  if ((value.enter === undefined) === (value.bands === undefined)) {
    problems.push({ code: 'RAPPORT_RULES_SHAPE', pointer: '', message: 'a segment has either "enter" or "bands".' });
  }
  if (value.bands && value.exit)
    problems.push({
      code: 'RAPPORT_RULES_SHAPE',
      pointer: '/exit',
      message: '"exit" goes with "enter"; bands are left when another band is entered.',
    });
  const outcomes = ['in', 'out', 'unknown'];
  const bands = (value.bands ?? []).map((band) => band.id);
  bands.forEach((band, i) => {
    if (bands.indexOf(band) !== i)
      problems.push({
        code: 'RAPPORT_RULES_SHAPE',
        pointer: `/bands/${String(i)}/id`,
        message: `the band "${band}" is there twice.`,
      });
    if (outcomes.includes(band))
      problems.push({
        code: 'RAPPORT_RULES_SHAPE',
        pointer: `/bands/${String(i)}/id`,
        message: `"${band}" is reserved; choose another id.`,
      });
  });
  const expected = value.bands ? [...bands, 'out', 'unknown'] : outcomes;
  value.tests?.forEach((test, i) => {
    if (!expected.includes(test.expect)) {
      problems.push({
        code: 'RAPPORT_RULES_SHAPE',
        pointer: `/tests/${String(i)}/expect`,
        message: `must be one of ${expected.join(', ')}.${didYouMean(test.expect, expected)}`,
      });
    }
    if (test.asOf !== undefined && instantOf(test.asOf) === null) {
      problems.push({
        code: 'RAPPORT_RULES_SHAPE',
        pointer: `/tests/${String(i)}/asOf`,
        message: 'must be a time such as "2026-06-01T00:00:00Z".',
      });
    }
  });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, document: value };
}

/** Checks a playbook document's shape and condition (not that its facts, segment and actions exist). */
export function checkPlaybook(value: unknown): Checked<PlaybookDocument> {
  if (!isShallow(value, MAX_JSON_DEPTH)) return { ok: false, problems: [tooDeep] };
  if (!isPlaybook(value)) return { ok: false, problems: shapeProblems(isPlaybook.errors) };
  const problems: Problem[] = conditionsOf(value).flatMap(({ condition, pointer }) =>
    checkCondition(condition, pointer),
  );
  const keys = Object.keys(value.trigger).sort().join();
  if (keys !== 'on,segment' && keys !== 'when') {
    problems.push({
      code: 'RAPPORT_RULES_SHAPE',
      pointer: '/trigger',
      message: 'must be { "segment": …, "on": "enter" or "exit" } or { "when": condition }.',
    });
  }
  value.steps.forEach((step, i) => {
    if (value.steps.findIndex((other) => other.id === step.id) !== i) {
      problems.push({
        code: 'RAPPORT_RULES_SHAPE',
        pointer: `/steps/${String(i)}/id`,
        message: `the step "${step.id}" is there twice; ids tell deliveries apart.`,
      });
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

/** What facts there are: the readings a fact can be asked in, or null when there is no such fact; and all names, for suggestions. */
export interface FactCatalogue {
  readingsOf(fact: string): readonly string[] | null;
  readonly names: Iterable<string>;
}

/** Facts that a document uses and that do not exist or are of another type. */
export function checkFacts(document: SegmentDocument | PlaybookDocument, catalogue: FactCatalogue): readonly Problem[] {
  return factsOf(document).flatMap(({ fact, operator, reading, pointer }): readonly Problem[] => {
    const readings = catalogue.readingsOf(fact);
    if (readings === null) {
      const derived = /\.(previous|change|changeRate|slope)$/.exec(fact);
      const hint = derived
        ? ` Derived facts ("${derived[0]}") are not available yet.`
        : didYouMean(fact, catalogue.names);
      return [
        { code: 'RAPPORT_RULES_FACT', pointer: `${pointer}/fact`, message: `there is no fact "${fact}".${hint}` },
      ];
    }
    if (reading !== 'any' && !readings.includes(reading)) {
      return [
        {
          code: 'RAPPORT_RULES_TYPE',
          pointer,
          message: `"${fact}" is ${readings.join(' or ')}, but "${operator}" with this value asks for ${reading}.`,
        },
      ];
    }
    return [];
  });
}
