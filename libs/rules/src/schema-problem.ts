import type { ErrorObject } from 'ajv';
import { pointerToken, type Problem } from './problem.js';
import { didYouMean } from './suggestion.js';

const listed = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).join(', ');
const meant = (data: unknown, values: readonly unknown[]) =>
  typeof data === 'string'
    ? didYouMean(
        data,
        values.filter((value) => typeof value === 'string'),
      )
    : '';

function problemOf(error: ErrorObject, code: string): Problem {
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
      const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
      return {
        code,
        pointer: `${error.instancePath}/${pointerToken(key)}`,
        message: `"${key}" is not a known key here.${didYouMean(key, known)} Known: ${known.length === 0 ? 'none' : known.join(', ')}.`,
      };
    }
    case 'required':
      return { code, pointer: error.instancePath, message: `"${String(params['missingProperty'])}" is missing.` };
    case 'enum':
      return {
        code,
        pointer: error.instancePath,
        message: `must be one of ${listed(params['allowedValues'] as unknown[])}.${meant(error.data, params['allowedValues'] as unknown[])}`,
      };
    case 'const':
      return { code, pointer: error.instancePath, message: `must be ${JSON.stringify(params['allowedValue'])}.` };
    case 'type':
      return { code, pointer: error.instancePath, message: `must be of the type ${String(params['type'])}.` };
    case 'pattern':
      return { code, pointer: error.instancePath, message: `must match ${String(params['pattern'])}.` };
    default:
      return { code, pointer: error.instancePath, message: `${error.message ?? 'is not valid'}.` };
  }
}

/**
 * Says what schema violations mean, the most telling first: unknown keys (with a suggestion), then the deepest places. A choice between
 * constants is one problem. Values are not repeated: they may be secret. Errors must come from ajv with `verbose` and `allErrors`.
 */
export function problemsOf(errors: readonly ErrorObject[], code: string): readonly Problem[] {
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  const problems: { readonly problem: Problem; readonly rank: number }[] = [];
  const told = new Set<string>();
  for (const choice of choices) {
    const inner = errors.filter(
      (error) =>
        error !== choice &&
        error.instancePath === choice.instancePath &&
        error.schemaPath.startsWith(`${choice.schemaPath}/`),
    );
    const constants = inner.filter(({ keyword }) => keyword === 'const');
    if (constants.length === 0 || constants.length < inner.length) continue;
    const values = constants.map((error) => (error.params as { readonly allowedValue: unknown }).allowedValue);
    problems.push({
      rank: 1,
      problem: {
        code,
        pointer: choice.instancePath,
        message: `must be one of ${listed(values)}.${meant(choice.data, values)}`,
      },
    });
    told.add(choice.instancePath);
  }
  for (const error of errors) {
    const inChoice = choices.some((choice) => error === choice || error.schemaPath.startsWith(`${choice.schemaPath}/`));
    if (inChoice && (told.has(error.instancePath) || (error.keyword === 'anyOf' && errors.length > 1))) continue;
    const unknown = error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties';
    problems.push({ rank: unknown ? 0 : 2, problem: problemOf(error, code) });
  }
  const ordered = problems.sort(
    (a, b) => a.rank - b.rank || b.problem.pointer.split('/').length - a.problem.pointer.split('/').length,
  );
  return ordered.slice(0, 20).map(({ problem }) => problem);
}
