import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { without } from './left-out.test.fixture.js';
import { rapport } from './program.js';
import { recordedIo } from './recorded-io.js';

const config = {
  workspace: 'test',
  metrics: without('metric', 'usage-frequency'),
  segments: without('segment', 'usage-frequency-classes'),
  playbooks: without('playbook'),
  actions: without('action'),
};
const active = (account: string, days: readonly number[]) =>
  days.map((day) => ({
    type: 'track',
    event: 'Feature Used',
    messageId: `${account} ${String(day)}`,
    userId: `user of ${account}`,
    context: { groupId: account },
    timestamp: new Date(Date.UTC(2024, 5, day, 10)).toISOString(),
  }));
const calls = [
  ...active('busy', [17, 18, 19, 20, 21, 24, 25, 26, 27, 28]),
  ...active('seldom', [18, 26]),
  ...active('gone', [3]),
  { ...active('gone', [20])[0], event: 'Subscription Cancelled' },
];
const rule = (value: number) => ({
  kind: 'segment',
  id: 'seldom-there',
  title: 'Seldom there',
  subject: 'account',
  enter: { fact: 'usage-frequency', operator: 'lessThan', value },
  tests: [
    { name: 'once a week', facts: { 'usage-frequency': 1 }, expect: 'in' },
    { name: 'daily', facts: { 'usage-frequency': 5 }, expect: 'out' },
  ],
});

describe('rapport rules', () => {
  const dir = mkdtempSync(join(tmpdir(), 'rapport-rules-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const run = async (...argv: string[]) => {
    const io = recordedIo({ cwd: dir });
    const code = await rapport(argv, io);
    return { code, out: io.out(), err: io.err() };
  };
  const json = async (...argv: string[]) => {
    const { code, out } = await run('rules', ...argv, '--json');
    const found: Readonly<Record<string, unknown>> = { code, ...(JSON.parse(out) as object) };
    return found;
  };
  const write = (file: string, document: unknown) =>
    writeFileSync(join(dir, file), typeof document === 'string' ? document : JSON.stringify(document, null, 2));
  const by = (author: string) => ['--author', author, '--reason', 'test'];

  beforeAll(async () => {
    write('rapport.json', config);
    write('events.ndjson', calls.map((one) => JSON.stringify(one)).join('\n'));
    expect((await run('import', 'events.ndjson')).code).toBe(0);
    expect((await run('evaluate', '--as-of', '2024-06-30')).code).toBe(0);
    write('seldom.json', rule(2));
  });

  it('verifies what is in force by json-rules-engine, and ends with 4 where it says something else', async () => {
    const all = await run('rules', 'verify');
    expect(all.out).toMatch(/^\d+ verdicts are those of json-rules-engine 7\.3\.1, on the data of /);
    expect(all.code).toBe(0);
    expect(await json('verify', 'usage-frequency-classes', '--subjects', '2')).toMatchObject({
      code: 0,
      differ: 0,
      documents: [{ document: 'segment/usage-frequency-classes', mode: 'strict' }],
    });
    expect((await run('rules', 'verify', 'usage-frequency-clases')).err).toContain('usage-frequency-classes');
  });

  it('opens, lints and names what is wrong, where rapport.json names a playbook whose file is malformed', async () => {
    mkdirSync(join(dir, 'rules'));
    write('rules/call.json', '{ "kind": "playbook", "id": "call", }');
    write('rules/other.yaml', 'kind: segment');
    write('rapport.json', { ...config, playbooks: { ...config.playbooks, call: { enabled: true } } });
    try {
      const linted = await run('rules', 'lint', 'rules/call.json');
      expect(linted.code).toBe(4);
      expect(linted.out).toContain('RAPPORT_RULES_JSON');
      const evaluated = await run('evaluate', '--as-of', '2024-06-30');
      expect(evaluated.code).toBe(0);
      expect(evaluated.out).toContain('3 refused, and so not part of this:');
      for (const told of [
        'rules/call.json: 1:',
        'rules/other.yaml: it is not read',
        'rapport.json#/playbooks/call: no playbook',
      ])
        expect(evaluated.out).toContain(told);
    } finally {
      rmSync(join(dir, 'rules'), { recursive: true });
      write('rapport.json', config);
    }
  });

  it('previews how many are unknown and why, and what no trait fits', async () => {
    write('odd.json', {
      ...rule(2),
      id: 'odd',
      enter: { fact: 'trait.plna', operator: 'equal', value: 'Pro' },
      tests: [],
    });
    const { out, code } = await run('rules', 'preview', 'odd.json');
    expect(code).toBe(0);
    expect(out).toContain('Unknown for 3, who stay where they are:\n  trait.plna: 3 have no value');
    expect(out).toContain('/enter/fact: no account has ever had the trait "plna". Traits: none. (RAPPORT_RULES_TRAIT)');
  });

  it('lists, lints and tests', async () => {
    expect((await run('rules', 'list')).out).toContain('usage-frequency-classes');
    expect(await json('lint', 'seldom.json')).toMatchObject({ code: 0, rules: [{ findings: [] }] });
    write('typo.json', JSON.stringify(rule(2), null, 2).replace('usage-frequency"', 'usage-frequncy"'));
    const typo = await run('rules', 'lint', 'typo.json', 'seldom.json');
    expect(typo.code).toBe(4);
    expect(typo.out).toMatch(
      /7:13 \/enter\/fact {2}error: there is no fact "usage-frequncy"\. Did you mean "usage-frequency"\?/,
    );
    expect(await json('test', 'seldom.json')).toMatchObject({
      code: 0,
      rules: [{ tests: 2, failed: [], untried: [] }],
    });
    write('wrong.json', rule(0.5));
    const failed = await run('rules', 'test', 'wrong.json');
    expect(failed.code).toBe(4);
    expect(failed.out).toContain('"once a week" expects in, but the rules say out');
  });

  it('writes schemas, explains, previews, backtests and compares', async () => {
    expect((await run('rules', 'schema')).code).toBe(0);
    expect(existsSync(join(dir, 'rules/schemas/segment.schema.json'))).toBe(true);
    expect((await run('rules', 'explain', 'seldom.json', 'busy')).out).toMatch(
      /\/enter is false: usage-frequency 5 ≥ 2\n {2}in if usage-frequency < 2; it is 5/,
    );
    const preview = await run('rules', 'preview', 'seldom.json');
    expect(preview.out).toMatch(/66\.7 % of 3 would move[\s\S]*\+ seldom-there {2}seldom: usage-frequency 1 < 2/);
    expect(await json('backtest', 'seldom.json', '--days', '20', '--horizon', '5d', '--as-of', '2024-06-30')).toMatchObject({
      code: 0, subjects: 3, counts: { outcomes: 1 },
    }); // prettier-ignore
    write('other.json', rule(3));
    expect((await run('rules', 'diff', 'other.json', 'seldom.json')).out).toBe('/enter/value\n  - 2\n  + 3\n');
    expect(await json('explain', 'nothing', 'busy')).toMatchObject({
      code: 6,
      error: { code: 'RAPPORT_RULES_MISSING' },
    });
    expect(await json('preview', 'typo.json')).toMatchObject({ code: 4, error: { code: 'RAPPORT_RULES_REFUSED' } });
  });

  it('publishes with a second person, goes back, and takes out', async () => {
    expect((await run('rules', 'publish', 'seldom.json', ...by('ann'))).out).toContain(
      'Version 1 waits: it moves 66.7 %',
    );
    expect(await json('approve', 'seldom-there', '1', ...by('ann'))).toMatchObject({
      code: 4,
      error: { code: 'RAPPORT_RULES_APPROVAL' },
    });
    expect((await run('rules', 'approve', 'seldom-there', '1', ...by('bob'))).out).toContain(
      'Version 2 of segment/seldom-there is in force',
    );
    expect((await run('evaluate', '--as-of', '2024-06-30')).out).toContain(
      'seldom-there: 2 taken as found, nothing is sent, as the last run did not evaluate it.',
    );
    expect((await run('segments', 'seldom-there')).out).toContain('2 members');
    expect(await json('publish', 'other.json', ...by('eve'), '--after', '1')).toMatchObject({
      code: 4,
      error: { code: 'RAPPORT_STORE_DOCUMENT_CONFLICT' },
    });
    expect((await run('rules', 'publish', 'other.json', ...by('ann'))).out).toContain(
      'Version 3 of segment/seldom-there is in force',
    );
    expect((await run('rules', 'rollback', 'seldom-there', '2', ...by('bob'))).out).toContain('Version 4');
    const versions = (await json('versions', 'seldom-there'))['versions'] as { number: number }[];
    expect(versions.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect((await run('rules', 'retire', 'seldom-there', ...by('ann'))).out).toContain('no longer in force');
    expect((await run('rules', 'list')).out).not.toContain('seldom-there');
  });

  it('takes the files of the workspace, and refuses an id that is there twice', async () => {
    mkdirSync(join(dir, 'rules'), { recursive: true });
    write('rules/seldom.json', rule(2));
    write('rules/twice.json', rule(3));
    const listed = await run('rules', 'list');
    expect(listed.out).toMatch(/seldom-there .*rules\/seldom\.json/);
    expect(listed.out).toMatch(/Refused: rules\/twice\.json .*already provided by rules\/seldom\.json/);
    expect(await json('publish', 'other.json', ...by('ann'))).toMatchObject({
      code: 4,
      error: { code: 'RAPPORT_RULES_ELSEWHERE' },
    });
  });
});
