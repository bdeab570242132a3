import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apiProblems, apiReport, releasedReport, type ApiState } from './api-report.js';
import { isThere, readJson, readText, repository } from './packages.js';

describe('the public API of @rapport/sdk', () => {
  it('is written down, and does not change without a version plan', () => {
    const plans = isThere('.nx/version-plans') ? readdirSync(join(repository, '.nx/version-plans')) : [];
    const problems = apiProblems({
      report: readText('libs/sdk/api-report.md'),
      extracted: apiReport(join(repository, 'libs/sdk'), join(repository, 'node_modules/@types')),
      released: readText('libs/sdk/api-report.released.md'),
      version: (readJson('libs/sdk/package.json') as { version: string }).version,
      plans: plans.filter((name) => name.endsWith('.md')).map((name) => readText(`.nx/version-plans/${name}`)),
    });
    expect(problems).toEqual([]);
  });

  it('holds what others wrote by its name only', () => {
    const report = readText('libs/sdk/api-report.md');
    expect(report).toContain("import { Type } from 'typebox';");
    expect(report).toContain('export { Type }');
  });
});

describe('a change of the API', () => {
  const plan = (entry: string) => `---\n${entry}\n---\n\nMeasures can be asked for by week\n`;
  const state = (more: Partial<ApiState> = {}): ApiState => ({
    report: 'count, sum\n',
    extracted: 'count, sum\n',
    released: releasedReport('1.0.0', 'count\n'),
    version: '1.0.0',
    plans: [],
    ...more,
  });

  it('is none when the report is that of the last release', () => {
    expect(apiProblems(state({ released: releasedReport('1.0.0', 'count, sum\n') }))).toEqual([]);
  });

  it('must be written down', () => {
    expect(apiProblems(state({ extracted: 'count, sum, min\n' }))).toEqual([
      expect.stringContaining('`npm run api` writes it anew'),
    ]);
  });

  it('must be announced', () => {
    expect(apiProblems(state())).toEqual([expect.stringContaining('no version plan names it')]);
    expect(apiProblems(state({ plans: [plan("'@rapport/testkit': minor")] }))).toEqual([
      expect.stringContaining('no version plan names it'),
    ]);
  });

  it.each(["'@rapport/sdk': minor", '"@rapport/sdk": major', '@rapport/sdk: minor'])('is announced by %s', (entry) => {
    expect(apiProblems(state({ plans: [plan("'@rapport/rules': patch"), plan(entry)] }))).toEqual([]);
  });

  it('is more than a patch', () => {
    expect(apiProblems(state({ plans: [plan("'@rapport/sdk': patch")] }))).toEqual([
      expect.stringContaining('its version plan says patch'),
    ]);
  });

  it('ends with a release, which keeps the report under the new version', () => {
    expect(apiProblems(state({ version: '1.1.0' }))).toEqual([expect.stringContaining('not of version 1.1.0')]);
    expect(apiProblems(state({ version: '1.1.0', released: releasedReport('1.1.0', 'count, sum\n') }))).toEqual([]);
  });
});
