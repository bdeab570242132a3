import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openWorkspace } from '@rapport/host';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from './command/doctor.js';
import type { EvaluateReport } from './command/evaluate.js';
import type { ImportReport } from './command/import.js';
import { rapport } from './program.js';
import { recordedIo } from './recorded-io.js';

const folders: string[] = [];
function folder(files: Record<string, string | Buffer> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'rapport-cli-'));
  folders.push(dir);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(dir, name, '..'), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  return dir;
}
const repository = resolve(import.meta.dirname, '../../..');
/** Everything that is installed, left out. */
const nothing = Object.fromEntries(
  readdirSync(join(repository, 'plugins')).map((kind) => [
    kind,
    Object.fromEntries(readdirSync(join(repository, 'plugins', kind)).map((id) => [id, false])),
  ]),
);
/** A workspace that loads no plugin but those named, so that it opens fast. */
const bare = (metrics: object = {}) =>
  JSON.stringify({ workspace: 'test', ...nothing, metrics: { ...nothing['metrics'], ...metrics } });
afterAll(() => folders.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

async function run(cwd: string, argv: string[], more: Partial<Parameters<typeof recordedIo>[0]> = {}) {
  const io = recordedIo({ cwd, ...more });
  const code = await rapport(argv, io);
  return { code, out: io.out(), err: io.err(), json: (): unknown => JSON.parse(io.out()) };
}
const failure = async (cwd: string, ...argv: string[]) => {
  const { code, json } = await run(cwd, [...argv, '--json']);
  return { exit: code, ...(json() as { error: { code: string; message: string } }).error };
};
const track = (id: string, more: object = {}) =>
  JSON.stringify({
    type: 'track',
    messageId: id,
    timestamp: '2024-03-01T10:00:00Z',
    userId: 'ada',
    context: { groupId: 'acme' },
    event: 'Feature Used',
    ...more,
  });

describe('the command line', () => {
  it('shows help with examples, for all and for each command', async () => {
    const all = await run(folder(), ['--help']);
    expect(all.code).toBe(0);
    for (const command of [
      'init',
      'import',
      'evaluate',
      'account',
      'goals',
      'trend',
      'backfill',
      'cohorts',
      'explain-score',
      'segments',
      'plugins',
      'doctor',
      'deliver',
      'erase',
      'export',
      'store',
      'serve',
      'demo',
    ]) {
      expect(all.out).toContain(`  ${command}`);
      const one = await run(folder(), [command, '--help']);
      expect(one).toMatchObject({ code: 0 });
      expect(one.out).toMatch(/Examples?:\n {2}rapport/);
      expect(one.out).toContain('--json');
    }
  });

  it('says what was meant, and ends with 2', async () => {
    const wrong = await run(folder(), ['evalute']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("unknown command 'evalute'");
    expect(wrong.err).toContain('Did you mean evaluate?');
    expect(await failure(folder(), 'evaluate', '--as-off', '2024-01-01')).toMatchObject({
      code: 'RAPPORT_USAGE',
      exit: 2,
    });
    expect(await failure(folder(), 'evaluate', '--compare', 'soon')).toMatchObject({ code: 'RAPPORT_USAGE', exit: 2 });
    expect((await run(folder(), [])).code).toBe(2);
  });

  it('finds the workspace by option, environment, or upward; or ends with 3 and the way out', async () => {
    const dir = folder({ 'rapport.json': bare(), 'a/b/c.txt': '' });
    expect((await run(join(dir, 'a/b'), ['plugins'])).code).toBe(0);
    expect((await run(folder(), ['plugins', '--workspace', dir])).code).toBe(0);
    expect((await run(folder(), ['plugins'], { env: { RAPPORT_WORKSPACE: dir } })).code).toBe(0);
    expect(await failure(folder(), 'plugins')).toMatchObject({
      exit: 3,
      code: 'RAPPORT_WORKSPACE_MISSING',
      message: expect.stringContaining('rapport init') as string,
    });
    expect(await failure(dir, 'plugins', '--workspace', 'nowhere')).toMatchObject({
      exit: 3,
      code: 'RAPPORT_WORKSPACE_MISSING',
    });
  });

  it('ends with 3 for a configuration with a typo, naming the place', async () => {
    const dir = folder({ 'rapport.json': '{"workspace": "test", "timezone": "UTC"}' });
    const { exit, code, message } = await failure(dir, 'evaluate');
    expect({ exit, code }).toEqual({ exit: 3, code: 'RAPPORT_CONFIG_UNKNOWN_KEY' });
    expect(message).toContain('timeZone');
  });

  it('ends with 5 while another process has the store', async () => {
    const dir = folder({ 'rapport.json': bare() });
    const holder = spawn(
      process.execPath,
      [
        '--conditions=@rapport/source',
        '--import',
        'tsx',
        join(import.meta.dirname, 'main.ts'),
        'serve',
        '--port',
        '0',
        '--workspace',
        dir,
      ],
      {
        cwd: resolve(import.meta.dirname, '../../..'),
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let said = '';
    await new Promise<void>((ready, reject) => {
      holder.stderr.on('data', (text: Buffer) => {
        said += text.toString();
        if (/Serving workspace "test" at http/.test(said)) ready();
      });
      holder.once('exit', () => reject(new Error(`serve ended: ${said}`)));
    });
    const url = /http:\/\/[\d.:]+/.exec(said)?.[0] ?? '';
    expect((await fetch(`${url}/v1/health`)).status).toBe(200);
    const blocked = await failure(dir, 'segments');
    const left = new Promise<number | null>((done) => holder.once('exit', done));
    holder.kill('SIGINT');
    expect(blocked).toMatchObject({ exit: 5, code: 'RAPPORT_STORE_LOCKED' });
    expect(await left).toBe(0);
  });
});

describe('rapport init', () => {
  it('writes a configuration that works, and never over another', async () => {
    const dir = folder();
    const made = await run(dir, ['init', 'acme', '--time-zone', 'Europe/Berlin', '--json']);
    expect(made.json()).toMatchObject({ workspace: 'acme', created: true });
    const written = readFileSync(join(dir, 'acme/rapport.json'), 'utf8');
    expect(JSON.parse(written)).toMatchObject({ workspace: 'acme', timeZone: 'Europe/Berlin' });
    expect((await run(dir, ['doctor', '--workspace', 'acme'])).code).toBe(0);
    expect(await failure(dir, 'init', 'acme')).toMatchObject({ code: 'RAPPORT_WORKSPACE_EXISTS', exit: 2 });
    expect(readFileSync(join(dir, 'acme/rapport.json'), 'utf8')).toBe(written);
  });
  it('refuses a time zone that there is not', async () => {
    expect(await failure(folder(), 'init', '--time-zone', 'Europe/Atlantis')).toMatchObject({
      code: 'RAPPORT_USAGE',
      exit: 2,
    });
  });
});

describe('rapport import', () => {
  it('reads files, packed files and standard input, and counts a repeat once', async () => {
    const dir = folder({
      'rapport.json': bare(),
      'a.ndjson': `\uFEFF${track('1')}\r\n\r\n${track('2')}\r\n`,
      'b.log': gzipSync(`${track('2')}\n${track('3')}`),
    });
    const first = await run(dir, ['import', 'a.ndjson', 'b.log', '-', '--json'], { stdin: gzipSync(track('4')) });
    expect(first.code).toBe(0);
    expect(first.json() as ImportReport).toMatchObject({
      lines: 5,
      accepted: 4,
      duplicates: 1,
      refused: { total: 0, reasons: [] },
    });
    expect((first.json() as ImportReport).files.map(({ file, lines }) => [file, lines])).toEqual([
      ['a.ndjson', 2],
      ['b.log', 2],
      ['stdin', 1],
    ]);
    const again = await run(dir, ['import', 'a.ndjson', 'b.log', '--json']);
    expect(again.json()).toMatchObject({ accepted: 0, duplicates: 4 });
  });

  it('refuses what cannot be used by line and reason, stores the rest, and ends with 4', async () => {
    const lines = [
      track('1'),
      '{"type":"track","messageId":"2"',
      '[1,2]',
      track('4', { extra: 1 }),
      track('5', { timestamp: '2024-02-30T00:00:00Z' }),
      `{"type":"track","properties":{"x":"${'x'.repeat(10_000_000)}"}}`,
      track('7', { properties: { text: 'x'.repeat(50_000) } }),
      track('8'),
    ];
    const bytes = Buffer.concat([
      Buffer.from(`${lines.join('\n')}\n`),
      Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]),
      Buffer.from(track('10')),
    ]);
    const dir = folder({
      'rapport.json': bare(),
      'mixed.ndjson': bytes,
      'cut.ndjson.gz': gzipSync(
        Array.from({ length: 5000 }, (_, i) => track(`z${i}`, { properties: { i } })).join('\n'),
      ).subarray(0, 20_000),
    });
    const { code, json } = await run(dir, [
      'import',
      'mixed.ndjson',
      'cut.ndjson.gz',
      '--refused',
      'refused.ndjson',
      '--json',
    ]);
    const report = json() as ImportReport;
    expect(code).toBe(4);
    const reasons = Object.fromEntries(
      report.refused.reasons.map(({ code: reason, examples }) => [reason, examples.map(({ line }) => line)]),
    );
    const cutAt = reasons.RAPPORT_IMPORT_GZIP_TRUNCATED?.[0] ?? 0;
    expect(reasons).toEqual({
      RAPPORT_IMPORT_JSON: [2],
      RAPPORT_IMPORT_NOT_A_CALL: [3],
      RAPPORT_INGEST_UNKNOWN_FIELD: [4],
      RAPPORT_INGEST_TIME: [5],
      RAPPORT_IMPORT_LINE_TOO_LONG: [6],
      RAPPORT_INGEST_TOO_LARGE: [7],
      RAPPORT_IMPORT_UTF8: [9],
      RAPPORT_IMPORT_GZIP_TRUNCATED: [cutAt],
    });
    expect(cutAt).toBeGreaterThan(1000);
    expect(report.accepted).toBe(3 + cutAt - 1);
    const written = readFileSync(join(dir, 'refused.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: number; input: unknown });
    expect(written).toHaveLength(8);
    expect(written.find(({ line }) => line === 4)?.input).toMatchObject({ messageId: '4', extra: 1 });

    const shown = await run(dir, ['import', 'mixed.ndjson']);
    expect(shown.code).toBe(4);
    expect(shown.out).toMatch(/RAPPORT_IMPORT_JSON {2}1\n {4}mixed\.ndjson:2 {2}not JSON: /);
    expect(shown.out).toContain('mixed.ndjson:4 /extra');
  });

  it('reads CSV with a byte order mark, quoted line breaks, ragged rows and odd headers', async () => {
    const mapping = (columns: object = {}) =>
      JSON.stringify({
        mapping: 'crm',
        sources: [
          {
            file: 'visits.csv',
            key: 'id',
            emit: [
              {
                call: 'track',
                event: 'Visit',
                timestamp: { column: 'at' },
                groupId: { column: 'account' },
                properties: { note: { column: 'note' }, ...columns },
              },
            ],
          },
        ],
      });
    const csv =
      '\uFEFFid,at,account,note,dup,dup\r\n1,2024-01-01,A,"two\r\nlines, one cell",,\r\n2,2024-01-02,A\r\n3,2024-01-03,A,"open,,\r\n4,2024-01-04,A,fine,,\r\n';
    const dir = folder({
      'rapport.json': bare(),
      'm/mapping.json': mapping(),
      'twice/mapping.json': mapping({ d: { column: 'dup' } }),
      'typo/mapping.json': mapping({ d: { column: 'nota' } }),
      'data/visits.csv': csv,
    });
    const { code, json } = await run(dir, ['import', 'm', '--data', 'data', '--json']);
    expect(code).toBe(4);
    const report = json() as ImportReport;
    expect(report).toMatchObject({ lines: 4, accepted: 2, refused: { total: 2 } });
    expect(report.refused.reasons.map(({ code: reason, examples }) => [reason, examples[0]?.line])).toEqual([
      ['RAPPORT_IMPORT_COLUMNS', 4],
      ['RAPPORT_IMPORT_CSV_QUOTE', 5],
    ]);
    const workspace = await openWorkspace(dir);
    try {
      const snapshot = await workspace.engine.store.snapshot();
      const recent = await snapshot.recent('account', 'A', Date.parse('2025-01-01'), 10);
      expect(recent.map(({ id, properties }) => [id, properties.note])).toEqual([
        ['crm:visits:4:Visit', 'fine'],
        ['crm:visits:1:Visit', 'two\r\nlines, one cell'],
      ]);
      await snapshot.close();
    } finally {
      await workspace.close();
    }
    expect(await failure(dir, 'import', 'twice', '--data', 'data')).toMatchObject({
      exit: 3,
      code: 'RAPPORT_MAPPING_HEADER',
    });
    expect(await failure(dir, 'import', 'typo', '--data', 'data')).toMatchObject({
      exit: 3,
      code: 'RAPPORT_MAPPING_COLUMN',
      message: expect.stringContaining('Did you mean "note"?') as string,
    });
  });

  it('finds out what is missing before it stores anything', async () => {
    const dir = folder({
      'rapport.json': bare(),
      'good.ndjson': track('1'),
      'x.csv': 'a,b',
      'empty/x.txt': '',
      'm/mapping.json':
        '{"mapping":"m","sources":[{"file":"no.csv","key":"id","emit":[{"call":"group","groupId":"x","timestamp":{"column":"at"}}]}]}',
    });
    expect(await failure(dir, 'import', 'good.ndjson', 'absent.ndjson')).toMatchObject({
      exit: 2,
      code: 'RAPPORT_IMPORT_NO_FILE',
    });
    expect(await failure(dir, 'import', 'good.ndjson', 'x.csv')).toMatchObject({ exit: 2, code: 'RAPPORT_IMPORT_CSV' });
    expect(await failure(dir, 'import', 'good.ndjson', 'empty')).toMatchObject({
      exit: 2,
      code: 'RAPPORT_IMPORT_NO_MAPPING',
    });
    expect(await failure(dir, 'import', 'good.ndjson', 'm')).toMatchObject({
      exit: 2,
      code: 'RAPPORT_IMPORT_NO_FILE',
      message: expect.stringContaining('--data') as string,
    });
    expect((await run(dir, ['import', 'good.ndjson', '--json'])).json()).toMatchObject({ accepted: 1, duplicates: 0 });
  });

  it('makes a workspace in .rapport from the template of a mapping when there is none, and says so', async () => {
    const mapping =
      '{"mapping":"m","sources":[{"file":"a.csv","key":"id","emit":[{"call":"group","groupId":{"column":"id"},"timestamp":{"column":"at"}}]}]}';
    const dir = folder({
      'example/mapping.json': mapping,
      'example/rapport.json': bare(),
      'data/a.csv': 'id,at\nA,2024-01-01\n',
    });
    const { code, err } = await run(dir, ['import', 'example', '--data', 'data']);
    expect(code).toBe(0);
    expect(err).toContain('made .rapport/rapport.json from example/rapport.json');
    expect((await run(dir, ['doctor'])).code).toBe(0);
    expect(existsSync(join(dir, 'example/rapport.duckdb'))).toBe(false);
    expect(await failure(folder({ 'a.ndjson': track('1') }), 'import', 'a.ndjson')).toMatchObject({
      exit: 3,
      code: 'RAPPORT_WORKSPACE_MISSING',
    });
  });

  it('stops when asked to, says so, and goes on from there the next time', async () => {
    const dir = folder({
      'rapport.json': bare(),
      'big.ndjson': Array.from({ length: 20_000 }, (_, i) => track(`e${i}`)).join('\n'),
    });
    const asked = new AbortController();
    asked.abort();
    const stopped = await run(dir, ['import', 'big.ndjson', '--json'], { signal: asked.signal });
    expect(stopped.code).toBe(130);
    expect(stopped.json()).toMatchObject({ interrupted: true });
    expect((await run(dir, ['import', 'big.ndjson', '--json'])).json()).toMatchObject({
      calls: 20_000,
      refused: { total: 0 },
      interrupted: false,
    });
  });
});

describe('evaluating and looking', () => {
  const inBerlin = (metrics?: object) =>
    JSON.stringify({ ...(JSON.parse(bare(metrics)) as object), timeZone: 'Europe/Berlin' });
  let dir = '';
  beforeAll(async () => {
    // 31 December in Berlin ends at 23:00 UTC.
    const events = [
      track('1', { timestamp: '2024-12-31T22:30:00Z' }),
      track('2', { timestamp: '2024-12-31T23:30:00Z', userId: 'bob' }),
      track('3', { timestamp: '2024-11-15T12:00:00Z', context: { groupId: 'globex' } }),
    ];
    dir = folder({ 'rapport.json': inBerlin(), 'events.ndjson': events.join('\n') });
    expect(await run(dir, ['import', 'events.ndjson'])).toMatchObject({ code: 0 });
  });

  it('says what is not there, with 6, and what is not a date, with 2', async () => {
    expect(await failure(dir, 'account', 'acme')).toMatchObject({ exit: 6, code: 'RAPPORT_RUN_NONE' });
    expect(await failure(dir, 'segments', 'dormant')).toMatchObject({ exit: 6, code: 'RAPPORT_SEGMENT_NOT_FOUND' });
    expect(await failure(dir, 'evaluate', '--as-of', '2024-02-30')).toMatchObject({ exit: 2, code: 'RAPPORT_USAGE' });
    expect((await run(dir, ['deliver', '--json'])).json()).toMatchObject({ delivered: 0, retried: 0, parked: 0 });
  });

  it('takes a bare date as up to and including that day in the workspace’s zone', async () => {
    writeFileSync(join(dir, 'rapport.json'), inBerlin({ 'active-users': {}, 'customer-engagement-score': {} }));
    const { code, json } = await run(dir, ['evaluate', '--as-of', '2024-12-31', '--json', '--dry-run']);
    expect(code).toBe(0);
    const report = json() as EvaluateReport;
    expect(report).toMatchObject({
      asOf: '2024-12-31T23:00:00.000Z',
      timeZone: 'Europe/Berlin',
      run: null,
      segments: [],
    });
    expect(report.portfolio.find(({ metric }) => metric === 'active-users')?.value).toBe(1);
    expect(report.movers).toEqual({
      metric: 'customer-engagement-score',
      comparedTo: '2024-12-01T23:00:00.000Z',
      accounts: [
        { account: 'acme', before: null, after: 1, change: 1 },
        { account: 'globex', before: 1, after: 0, change: -1 },
      ],
    });
  });

  it('takes anything finer as that instant, and writes nothing in a dry run but a run otherwise', async () => {
    const shown = await run(dir, ['evaluate', '--as-of', '2025-01-01T00:30']);
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/^Run 1 as of 2025-01-01 00:30:00 Europe\/Berlin: 2 accounts/);
    expect(shown.out).toContain('Active users');
    writeFileSync(join(dir, 'rapport.json'), inBerlin());
    expect((await run(dir, ['account', 'acme', '--json'])).json()).toMatchObject({ id: 'acme', run: 1 });
    expect((await run(dir, ['account', 'acme'])).out).toContain('Account acme, run 1 as of 2024-12-31T23:30:00.000Z');
    const past = await run(dir, ['evaluate', '--as-of', '2024-12-31']);
    expect(past.out).toMatch(
      /^Computed as of the end of 2024-12-31 .*Nothing was written: run 1 is of a later instant/s,
    );
    const json = (await run(dir, ['evaluate', '--as-of', '2024-12-31', '--json'])).json();
    expect(json).toMatchObject({ run: null, earlierThanRun: 1 });
    expect((await run(dir, ['account', 'acme', '--json'])).json()).toMatchObject({ run: 1 });
    expect(await failure(dir, 'account', 'Acme')).toMatchObject({ exit: 6, code: 'RAPPORT_ACCOUNT_NOT_FOUND' });
  });

  it('shows a parked delivery with its reason, and tries it again when asked', async () => {
    const quiet = folder({
      'rapport.json': JSON.stringify({ workspace: 'quiet', playbooks: { 'usage-alarm': { enabled: true } } }),
      'events.ndjson': track('1', { timestamp: '2025-01-01T10:00:00Z' }),
    });
    await run(quiet, ['import', 'events.ndjson']);
    await run(quiet, ['evaluate', '--as-of', '2025-01-02']);
    const later = (await run(quiet, ['evaluate', '--as-of', '2025-02-01', '--json'])).json();
    expect(later).toMatchObject({ deliveries: 1 });
    const { parked, parkedDeliveries } = (await run(quiet, ['deliver', '--json'])).json() as {
      parked: number;
      parkedDeliveries: { key: string; lastError: string }[];
    };
    expect([parked, parkedDeliveries.length]).toEqual([1, 1]);
    expect(parkedDeliveries[0]?.lastError).toContain('RAPPORT_DELIVERY_NOT_CONFIGURED');
    expect((await run(quiet, ['deliver', '--json'])).json()).toMatchObject({ parked: 0 });
    const again = await run(quiet, ['deliver', '--replay', parkedDeliveries[0]?.key ?? '', '--json']);
    expect(again.json()).toMatchObject({ parked: 1 });
    expect(await failure(quiet, 'deliver', '--replay', 'nothing')).toMatchObject({
      exit: 6,
      code: 'RAPPORT_DELIVERY_NOT_FOUND',
    });
  });

  it('keeps the demonstration out of a workspace of yours', async () => {
    expect(await failure(dir, 'demo', '--once', '--workspace', dir)).toMatchObject({
      exit: 2,
      code: 'RAPPORT_CLI_DEMO_WORKSPACE',
    });
  });

  it('lists plugins, and the doctor names what to look at', async () => {
    const some = folder({ 'rapport.json': bare({ csat: {} }) });
    const { loaded, refused } = (await run(some, ['plugins', '--json'])).json() as {
      loaded: { id: string; state: string }[];
      refused: unknown[];
    };
    expect(loaded.map(({ id, state }) => [id, state])).toEqual([['csat', 'active']]);
    expect(refused).toEqual([]);
    const doctor = (await run(dir, ['doctor', '--json'])).json() as { healthy: boolean; checks: Check[] };
    expect(doctor.healthy).toBe(true);
    expect(doctor.checks.map(({ check }) => check)).toEqual([
      'node',
      'workspace',
      'disk',
      'configuration',
      'store',
      'time zone',
      'data',
      'plugins',
      'last run',
      'json-rules-engine',
      'outbox',
    ]);
    const broken = folder({ 'rapport.json': '{"workspace": "x", "store": "oracle:db"}' });
    const ill = await run(broken, ['doctor', '--json']);
    expect(ill.code).toBe(3);
    expect((ill.json() as { checks: Check[] }).checks.at(-1)).toMatchObject({
      state: 'fault',
      code: 'RAPPORT_CONFIG_INVALID',
    });
  });
});

describe('rapport demo', () => {
  it('imports, evaluates and shows a simulated company, and leaves nothing behind with --once', async () => {
    const dir = folder();
    const { code, json } = await run(dir, ['demo', '--once', '--accounts', '20', '--events', '5000', '--json']);
    expect(code).toBe(0);
    expect(json()).toMatchObject({ refused: 0, evaluation: { accounts: expect.any(Number) as number } });
    expect((json() as { accepted: number }).accepted).toBeGreaterThan(4000);
    expect(existsSync(join(dir, '.rapport'))).toBe(false);
  });
});

describe('what is held of a subject', () => {
  const calls = ['acme', 'zeta']
    .flatMap((account) => [
      track(`t-${account}`, { userId: `user of ${account}`, context: { groupId: account } }),
      JSON.stringify({ type: 'group', messageId: `g-${account}`, timestamp: '2024-03-01T09:00:00Z', groupId: account, traits: { plan: 'pro' } }),
    ])
    .join('\n'); // prettier-ignore
  let dir: string;
  beforeAll(async () => {
    dir = folder({ 'rapport.json': bare({ 'active-users': {} }), 'events.ndjson': `${calls}\n` });
    expect((await run(dir, ['import', 'events.ndjson'])).code).toBe(0);
    expect((await run(dir, ['evaluate', '--as-of', '2024-03-05'])).code).toBe(0);
  }, 120_000);

  it('is exported, a line of JSON for each thing', async () => {
    const { code, out } = await run(dir, ['export', '--account', 'acme']);
    expect(code).toBe(0);
    const held = out.trimEnd().split('\n').map((line) => JSON.parse(line) as { of: string; message?: { id: string } }); // prettier-ignore
    expect(held.flatMap(({ message }) => message?.id ?? [])).toEqual(['g-acme', 't-acme']);
    expect([...new Set(held.map(({ of }) => of))]).toEqual(expect.arrayContaining(['message', 'result', 'history']));
    expect(out).not.toContain('zeta');
  });

  it('is erased once somebody says yes, and not before', async () => {
    const no = await run(dir, ['erase', '--account', 'acme'], { stdin: '' });
    expect(no).toMatchObject({ code: 4, out: '' });
    expect(await failure(dir, 'erase')).toMatchObject({ code: 'RAPPORT_USAGE', exit: 2 });
    const { code, out, err } = await run(dir, ['erase', '--account', 'acme'], { stdin: 'y\n' });
    expect({ code, err }).toEqual({ code: 0, err: 'Erase account acme for good? [y/N] ' });
    expect(out).toContain('1 events');
    expect((await run(dir, ['export', '--account', 'acme', '--json'])).json()).toEqual([]);
  }, 120_000);

  it('goes by the retention policy', async () => {
    await run(dir, ['evaluate', '--as-of', '2024-03-06']);
    const later = { now: () => Date.now() + 40 * 86_400_000 };
    const asked = (await run(dir, ['store', 'prune', '--dry-run', '--json'], later)).json();
    expect(asked).toMatchObject({ dryRun: true, runs: 1 });
    expect((await run(dir, ['store', 'prune', '--json'], later)).json()).toEqual({ ...(asked as object), dryRun: false }); // prettier-ignore
    expect((await run(dir, ['store', 'prune', '--json'])).json()).toMatchObject({ runs: 0 });
  }, 120_000);
});
