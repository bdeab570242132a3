import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkspace } from '@rapport/host';
import type { ResultFrame } from '@rapport/store';
import { company } from './company.js';
import { differences } from './evaluate-compare.js';
import { evaluateBySql, type Answers } from './evaluate-sql.js';

const cache = mkdtempSync(join(tmpdir(), 'bench-'));
afterAll(() => {
  rmSync(cache, { recursive: true });
});

describe('the evaluation and hand-written SQL', () => {
  let frame: ResultFrame;
  let answers: Answers;
  beforeAll(async () => {
    process.env['RAPPORT_BENCH_CACHE'] = cache;
    const { folder, asOf } = await company({ events: 15_000, accounts: 40 });
    const workspace = await openWorkspace(folder);
    const evaluation = await workspace.engine.evaluate({ asOf, levels: [{ kind: 'account' }], derived: [] });
    await workspace.close();
    expect(evaluation.failures).toEqual([]);
    frame = evaluation.frames[0]!;
    const instance = await DuckDBInstance.create(join(folder, 'bench.duckdb'), { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    answers = await evaluateBySql(connection, asOf);
    connection.closeSync();
    instance.closeSync();
  });

  it('yield the same numbers, and nulls in the same places', () => {
    expect(differences(frame, answers)).toEqual([]);
    expect(frame.subjects.length).toBe(40);
  });

  it('compare numbers that differ from account to account, with values and nulls among them', () => {
    for (const { column } of answers.sheets.filter(({ column }) => !column.includes('.'))) {
      const numbers = frame.columns[column];
      expect(numbers?.type).toBe('number');
      if (numbers?.type === 'number') expect(new Set(numbers.values).size, column).toBeGreaterThan(2);
    }
    const csat = frame.columns['csat'];
    if (csat?.type === 'number') expect(new Set(csat.valid)).toEqual(new Set([0, 1]));
  });

  it.each(['stickiness', 'csat', 'support-load.open'])('would tell a wrong %s', (column) => {
    const right = frame.columns[column];
    if (right?.type !== 'number') throw new Error(`no ${column}`);
    const row = right.valid.indexOf(1);
    const wrong = { ...right, values: right.values.map((value, i) => (i === row ? value + 1e-9 : value)) };
    const missing = { ...right, valid: right.valid.map((valid, i) => (i === row ? 0 : valid)) };
    for (const changed of [wrong, missing]) {
      const found = differences({ ...frame, columns: { ...frame.columns, [column]: changed } }, answers);
      expect(found.length).toBe(1);
      expect(found[0]).toContain(`${column} of ${frame.subjects[row] ?? ''}`);
    }
  });

  it('would tell a number that nobody compares, and an account that only one has', () => {
    const extra = { ...frame.columns, invented: frame.columns['csat']! };
    expect(differences({ ...frame, columns: extra }, answers)).toEqual(['invented was not compared']);
    expect(differences({ ...frame, subjects: frame.subjects.with(0, 'nobody') }, answers)).not.toEqual([]);
  });
});
