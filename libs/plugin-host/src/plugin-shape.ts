import { Ajv } from 'ajv';
import { utc } from '@rapport/sdk/time';
import { isFold, resolveMeasure, resolveWindow } from '@rapport/store';
import type {
  ActionDefinition,
  Evidence,
  Measures,
  MetricDefinition,
  Node,
  OperatorDefinition,
  OperatorExample,
  Window,
} from '@rapport/sdk';
import { didYouMean, operatorNameOf, operatorSet, problemsOf, readingOf, testOf } from '@rapport/rules';
import type { ErrorCode } from '@rapport/errors';
import { canonical } from './canonical.js';
import { EngineError, messageOf } from './error.js';
import { evidenceSchema, nodeNames, nodeSchema } from './measure-schema.js';
import { inShort, notPlain } from './plain-json.js';
import type { MetricDescriptor, OperatorDescriptor } from './loaded-plugin.js';

type JsonObject = Readonly<Record<string, unknown>>;
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const refuse = (code: ErrorCode, message: string): never => {
  throw new EngineError(code, message);
};
const shape = (message: string): never =>
  refuse('RAPPORT_PLUGIN_SHAPE', `${message} The README of @rapport/sdk shows the shape.`);

const units = ['ratio', 'percent', 'points', 'count', 'days', 'seconds', 'hours', 'currency', 'time'];
const subjectKinds = ['account', 'user', 'portfolio'];
const partTypes = ['number', 'text', 'list', 'table'];
const reservedParts = ['n', 'reason', 'value', 'previous', 'change', 'changeRate', 'slope'];
const isFunction = (value: unknown): value is (...args: never[]) => unknown => typeof value === 'function';

function requireText(record: JsonObject, keys: readonly string[]): void {
  for (const key of keys)
    if (typeof record[key] !== 'string' || record[key] === '' || record[key].length > 2000)
      shape(`"${key}" must be a text.`);
}
function requireSchema(record: JsonObject, key: string): void {
  const schema = record[key];
  if (!isObject(schema) || schema['type'] !== 'object')
    shape(`"${key}" must be the JSON Schema of an object (Type.Object({…})).`);
  // A schema library may hang functions on its schemas; what counts is what JSON shows of them.
  const plain = notPlain(JSON.parse(JSON.stringify(schema)));
  if (plain) shape(`"${key}"${plain.pointer} holds ${plain.what}.`);
}

/** Checks a metric's export. Throws `RAPPORT_PLUGIN_SHAPE`. */
export function checkMetric(exported: JsonObject): MetricDefinition {
  requireText(exported, ['id', 'title', 'description', 'source']);
  requireSchema(exported, 'config');
  const { unit, range, subjects, parts, folds } = exported;
  if (typeof unit !== 'string' || !units.includes(unit)) shape(`"unit" must be one of ${units.join(', ')}.`);
  const isBound = (value: unknown) => value === null || (typeof value === 'number' && Number.isFinite(value));
  if (!Array.isArray(range) || range.length !== 2 || !range.every(isBound))
    shape('"range" must be [least, greatest], each a number or null.');
  if (
    !Array.isArray(subjects) ||
    subjects.length === 0 ||
    !subjects.every((kind) => subjectKinds.includes(kind as string))
  ) {
    shape(`"subjects" must name at least one of ${subjectKinds.join(', ')}.`);
  }
  if (!isObject(parts)) shape('"parts" must be an object, {} for none.');
  for (const [name, part] of Object.entries(parts as JsonObject)) {
    if (!/^[A-Za-z][\w-]{0,63}$/.test(name))
      shape(`the part "${name}" must be a word of letters, digits, "-" and "_".`);
    if (reservedParts.includes(name)) shape(`the part "${name}" has a reserved name; choose another.`);
    if (!isObject(part) || typeof part['description'] !== 'string') shape(`the part "${name}" needs a description.`);
    const { type, unit: partUnit, values } = part as JsonObject;
    if (type !== undefined && !partTypes.includes(type as string))
      shape(`the part "${name}" must have the type ${partTypes.join(', ')}.`);
    const areWords =
      Array.isArray(values) && values.length > 0 && values.every((word) => typeof word === 'string' && word !== '');
    if (values !== undefined && (type !== 'text' || !areWords))
      shape(`the part "${name}" can only list "values" that are texts, and only as text.`);
    if (partUnit !== undefined && !units.includes(partUnit as string))
      shape(`the part "${name}" must have a unit of ${units.join(', ')}.`);
  }
  for (const key of ['measures', 'compute']) if (!isFunction(exported[key])) shape(`"${key}" must be a function.`);
  for (const key of ['uses', 'usesPortfolio', 'window', 'evidence', 'portfolio'])
    if (exported[key] !== undefined && !isFunction(exported[key])) shape(`"${key}" must be a function.`);
  const { contributions, family } = exported;
  if (contributions !== undefined) {
    const part =
      typeof contributions === 'string' && Object.hasOwn(parts as JsonObject, contributions)
        ? (parts as JsonObject)[contributions]
        : null;
    if (!isObject(part) || part['type'] !== 'table') shape('"contributions" must name a part of the type table.');
  }
  if (family !== undefined && family !== 'measure' && family !== 'reduce')
    shape('"family" must be "measure" or "reduce".');
  if (family === 'reduce' && exported['portfolio'] === undefined)
    shape('"family": "reduce" needs portfolio(), which reduces over the accounts of a family.');
  if (folds !== undefined) {
    if (!Array.isArray(folds)) return shape('"folds" must be a list of what fold(name, reducer) returns.');
    const names = folds.map((one: unknown, i) => {
      const name = isObject(one) ? one['name'] : undefined;
      if (typeof name !== 'string' || name === '') return shape(`fold ${String(i + 1)} in "folds" has no name.`);
      if (!['initial', 'step', 'done'].every((key) => isFunction((one as JsonObject)[key])))
        shape(`the fold "${name}" must have initial, step and done.`);
      return name;
    });
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) shape(`"folds" has two folds named "${twice}". Give each a name of its own.`);
  }
  return exported as JsonObject & MetricDefinition;
}

/** Checks an action's export. Throws `RAPPORT_PLUGIN_SHAPE`. */
export function checkAction(exported: JsonObject): ActionDefinition {
  requireText(exported, ['id', 'title', 'description']);
  requireSchema(exported, 'config');
  requireSchema(exported, 'input');
  if (!isFunction(exported['deliver'])) shape('"deliver" must be a function.');
  return exported as JsonObject & ActionDefinition;
}

const readings = ['number', 'text', 'time', 'boolean', 'any'];

/**
 * Checks an operator's export, and tries its examples. Throws `RAPPORT_PLUGIN_SHAPE`, `RAPPORT_PLUGIN_OPERATOR` for one that rules cannot use, and
 * `RAPPORT_PLUGIN_EXAMPLE` for examples that do not hold.
 */
export function checkOperator(exported: JsonObject): {
  readonly definition: OperatorDefinition;
  readonly descriptor: OperatorDescriptor;
} {
  requireText(exported, ['id', 'title', 'description']);
  if (exported['source'] !== undefined) requireText(exported, ['source']);
  if (exported['compatName'] !== undefined) requireText(exported, ['compatName']);
  const { id, title, description, source, reading, value, words, examples, compatName } = exported;
  if (!/^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*$/.test(String(id)))
    shape(
      `the id "${String(id)}" becomes a name in documents: write words that begin with a letter, with "-" between them.`,
    );
  if (typeof reading !== 'string' || !readings.includes(reading))
    shape(`"reading" must be one of ${readings.join(', ')}.`);
  if (value !== false && !isObject(value))
    shape('"value" must be the JSON Schema of the condition\'s value, or false for an operator that takes none.');
  const areWords =
    Array.isArray(words) && words.length === 2 && words.every((word) => typeof word === 'string' && word.length <= 200);
  if (!areWords) shape('"words" must be two texts: what explanations say when it holds, and when it does not.');
  if (!isFunction(exported['test'])) shape('"test" must be a function.');
  if (!Array.isArray(examples) || !examples.every((each) => isObject(each) && typeof each['holds'] === 'boolean'))
    shape('"examples" must be a list of { fact, value, holds }.');
  const data = {
    id,
    name: operatorNameOf(String(id)),
    compatName: compatName ?? null,
    title,
    description,
    source: source ?? null,
    reading,
    value,
    words,
    examples,
  };
  const written = JSON.parse(JSON.stringify(data)) as OperatorDescriptor;
  // A schema library may hang functions on its schemas; what counts is what JSON shows of them.
  const plain = notPlain({ ...data, value: written.value }, 100);
  if (plain) shape(`the definition${plain.pointer} holds ${plain.what}.`);
  const definition = exported as JsonObject & OperatorDefinition;
  tryExamples(definition, written);
  return { definition, descriptor: written };
}

/** Holds an operator's examples against it, by the same code as rules use. */
function tryExamples(
  definition: OperatorDefinition,
  { name, compatName, reading, value, description, words, examples }: OperatorDescriptor,
) {
  const test = (fact: unknown, with_: unknown): boolean => {
    const found: unknown = definition.test(fact as never, with_);
    return typeof found === 'boolean' ? found : shape(`test(${inShort(fact)}, …) returned neither true nor false.`);
  };
  const { operators, problems } = operatorSet([
    { name, reading, value, description, words, ...(compatName === null ? {} : { compatName }), test },
  ]);
  const [problem] = problems;
  if (problem) refuse('RAPPORT_PLUGIN_OPERATOR', problem.message);
  const wrong = (i: number, why: string): never =>
    refuse('RAPPORT_PLUGIN_EXAMPLE', `its example /examples/${String(i)} ${why}`);
  const tried = (i: number, example: OperatorExample): boolean | null => {
    if (readingOf(name, example.value, operators) === null)
      return wrong(i, `has a value that "${name}" does not take. Correct the example or the schema.`);
    try {
      return testOf(name, example.value, { at: 0, zone: utc }, operators)(example.fact);
    } catch (error) {
      if (error instanceof EngineError) throw error;
      return wrong(i, `makes test() throw (${messageOf(error)}).`);
    }
  };
  for (const [i, example] of examples.entries()) {
    const found = tried(i, example);
    if (found === null) wrong(i, `has a fact that cannot be read as ${reading}.`);
    if (found !== example.holds)
      wrong(
        i,
        `says that it ${example.holds ? 'holds' : 'does not hold'}, but it ${found === true ? 'holds' : 'does not'}. Correct the example or the test.`,
      );
  }
  for (const holds of [true, false])
    if (!examples.some((example) => example.holds === holds))
      refuse(
        'RAPPORT_PLUGIN_EXAMPLE',
        `it has no example that ${holds ? 'holds' : 'does not hold'}. Give one of each.`,
      );
}

const nodeCheckers = new Map<string, ReturnType<Ajv['compile']>>();
function checkNode(name: string, node: JsonObject): void {
  const kind = node['node'];
  const at = `the measure "${name}"`;
  const schema = typeof kind === 'string' ? nodeSchema(kind) : null;
  if (typeof kind !== 'string' || !schema) {
    const word = typeof kind === 'string' ? kind : '';
    refuse(
      'RAPPORT_PLUGIN_MEASURE',
      `${at} has the unknown node "${word}".${didYouMean(word, nodeNames)} Known: ${nodeNames.join(', ')}.`,
    );
    return;
  }
  let check = nodeCheckers.get(kind);
  if (!check)
    nodeCheckers.set(kind, (check = new Ajv({ allErrors: true, verbose: true, strict: false }).compile(schema)));
  if (check(node)) return;
  const [problem] = problemsOf(check.errors ?? [], '');
  refuse('RAPPORT_PLUGIN_MEASURE', `${at}${problem?.pointer ?? ''}: ${problem?.message ?? 'is not valid.'}`);
}

/** A metric's measures for its configuration, as plain data. Throws `RAPPORT_PLUGIN_MEASURES_NOT_JSON`, `RAPPORT_PLUGIN_MEASURE`, `RAPPORT_PLUGIN_THREW`. */
export function measuresOf(definition: MetricDefinition, config: JsonObject): Measures {
  const call = (): unknown => called('measures', () => definition.measures(config));
  const given = call();
  if (!isObject(given))
    return refuse('RAPPORT_PLUGIN_MEASURES_NOT_JSON', 'measures(config) must return an object of measures.');
  const plain = notPlain(given);
  if (plain)
    refuse(
      'RAPPORT_PLUGIN_MEASURES_NOT_JSON',
      `measures(config)${plain.pointer} holds ${plain.what}. Measures are plain JSON; build them with the SDK's functions.`,
    );
  const again = call();
  if (canonical(given) !== canonical(again))
    refuse(
      'RAPPORT_PLUGIN_MEASURE',
      'measures(config) returned different data when called again. It must depend on its configuration alone.',
    );
  const measures = JSON.parse(JSON.stringify(given)) as Record<string, JsonObject>;
  for (const [name, node] of Object.entries(measures)) {
    if (!isObject(node)) refuse('RAPPORT_PLUGIN_MEASURE', `the measure "${name}" must be a measure node.`);
    checkNode(name, node);
    const valid = node as JsonObject & Node;
    if (valid.node === 'profile') continue;
    if (isFold(valid)) {
      const folds = (definition.folds ?? []).map((one) => one.name);
      if (!folds.includes(valid.reducer))
        refuse(
          'RAPPORT_PLUGIN_MEASURE',
          `the measure "${name}" is of the fold "${valid.reducer}", which is not in "folds".${didYouMean(valid.reducer, folds)}`,
        );
    } else {
      try {
        resolveMeasure(valid, 1_700_000_000_000, utc);
      } catch (error) {
        refuse('RAPPORT_PLUGIN_MEASURE', `the measure "${name}": ${messageOf(error)}.`);
      }
    }
  }
  return measures as Record<string, JsonObject & Node>;
}

/** Ids of the metrics that a metric uses with its configuration. Throws `RAPPORT_PLUGIN_SHAPE`, `RAPPORT_PLUGIN_THREW`. */
export function usesOf(
  definition: MetricDefinition,
  config: JsonObject,
  hook: 'uses' | 'usesPortfolio' = 'uses',
): readonly string[] {
  if (!definition[hook]) return [];
  const given: unknown = called(hook, () => definition[hook]?.(config));
  if (!Array.isArray(given) || !given.every((id): id is string => typeof id === 'string'))
    return shape(`${hook}(config) must return a list of metric ids.`);
  return [...new Set(given)];
}

function called<T>(hook: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    return refuse('RAPPORT_PLUGIN_THREW', `${hook}(config) threw (${messageOf(error)}).`);
  }
}

/** A metric's main window, from which `previous` is derived; null for none. Throws `RAPPORT_PLUGIN_SHAPE`, `RAPPORT_PLUGIN_THREW`. */
export function windowOf(definition: MetricDefinition, config: JsonObject): Window | null {
  if (!definition.window) return null;
  const window: unknown = called('window', () => definition.window?.(config));
  checkWindow('window', { events: [] }, window);
  const { kind } = window as Window;
  if (kind !== 'last' && kind !== 'calendar' && kind !== 'complete')
    return shape(
      'window(config) must be last(…), calendar(…) or lastComplete(…): the same window must exist one window length earlier.',
    );
  return window as Window;
}

/** The events behind a metric's value; null for none. Throws `RAPPORT_PLUGIN_SHAPE`, `RAPPORT_PLUGIN_THREW`. */
export function evidenceOf(definition: MetricDefinition, config: JsonObject): Evidence | null {
  if (!definition.evidence) return null;
  const given: unknown = called('evidence', () => definition.evidence?.(config));
  if (!isEvidence(given) || resolveWindow(given.window, 0, utc).kind !== 'days')
    return shape('evidence(config) must be { filter, window, properties }, with a window of fixed days.');
  return JSON.parse(JSON.stringify(given)) as Evidence;
}
const isEvidence = new Ajv({ strict: false }).compile<Evidence>(evidenceSchema);

/** A window is checked as that of a measure. */
function checkWindow(hook: string, filter: object, window: unknown): void {
  if (notPlain(window) || !isObject(window)) shape(`${hook}(config) must return a window.`);
  checkNode(hook, { node: 'count', filter, window });
}

/** A metric's definition as data. */
export function descriptorOf(
  definition: MetricDefinition,
  resolved: Pick<MetricDescriptor, 'key' | 'measures' | 'uses' | 'usesPortfolio' | 'window' | 'evidence'>,
): MetricDescriptor {
  const { id, title, description, source, unit, range, subjects, config, parts, contributions, family } = definition;
  const data: unknown = JSON.parse(
    JSON.stringify({
      id,
      title,
      description,
      source,
      unit,
      range,
      subjects,
      config,
      parts,
      contributions: contributions ?? null,
      family: family ?? 'measure',
      ...resolved,
      reducesPortfolio: definition.portfolio !== undefined,
    }),
  );
  return data as MetricDescriptor;
}
