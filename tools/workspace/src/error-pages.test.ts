import { isErrorCode, registered } from '@rapport/errors';
import { describe, expect, it } from 'vitest';
import { errorPages } from './error-pages.js';
import { isTest, packages, readText } from './packages.js';
import { codesIn } from './source.js';

/** Problems are sentences, so that a failing test says what to do. */
const none: string[] = [];

describe('error codes', () => {
  const all = packages.flatMap(({ folder, sources }) =>
    sources
      .filter((source) => !isTest(source))
      .map((source) => ({ folder, source, ...codesIn(source, readText(source)) })),
  );
  const found = all.filter(({ folder }) => folder !== 'libs/errors');
  const variables = new Set(
    [...readText('docs/run-in-production.md').matchAll(/^\| `(RAPPORT_[A-Z0-9_]+)`/gm)].map(([, code = '']) => code),
  );
  const raised = new Set(found.flatMap(({ whole }) => [...whole]));

  it('are spelt out in the sources, so that they can be searched for', () => {
    const problems = found.flatMap(({ source, pieced }) =>
      [...pieced].map((code) => `${source} puts together ${code}`),
    );
    expect(problems).toEqual(none);
  });

  it('are all in libs/errors (or, if an environment variable, in docs/run-in-production.md)', () => {
    const problems = found.flatMap(({ source, whole }) =>
      [...whole]
        .filter((code) => !isErrorCode(code) && !variables.has(code))
        .map((code) => `${code} of ${source} is not in libs/errors/src/registry`),
    );
    expect(problems).toEqual(none);
  });

  it('are not there when nothing raises them', () => {
    const config = codesIn('vitest.config.ts', readText('vitest.config.ts'));
    const read = new Set([...all, config].flatMap(({ whole }) => [...whole]));
    const unused = [
      ...registered.filter(({ code }) => !raised.has(code)).map(({ code }) => `nothing raises ${code}`),
      ...[...variables].filter((name) => !read.has(name)).map((name) => `nothing reads ${name}`),
    ];
    expect(unused).toEqual(none);
  });

  it.each(['docs/errors.md', 'docs/http-api.md'])('are on %s as the registry has them', async (path) => {
    const text = (await errorPages()).get(path);
    expect(readText(path) === text, `${path} is not what libs/errors says: run \`npm run errors\``).toBe(true);
  });
});
