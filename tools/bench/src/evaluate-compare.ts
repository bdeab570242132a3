import { valueAt, type ResultFrame } from '@rapport/store';
import type { Answers } from './evaluate-sql.js';

/** Columns that SQL need not yield for accounts: parts of portfolios, the one account that an account is, and what the workspace has no use for. */
const leftOut = [
  /^license-utilization\.accounts$/,
  /^first-week-engagement\.(cohort|reached|pending)$/,
  /^onboarding-progress\.activatedShare$/,
  /^lifetime-value\.(monthlyChurn|cacShare|cacWarnings)$/,
  // No products, no suite.
  /^product-suite-score(\.|$)/,
];

/** Both ways sum the same numbers, perhaps in another order: equal to the last digits of a double. */
const equal = (a: number, b: number) => a === b || Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));

/**
 * Differences between an account frame and the analyst's answers, as sentences: an account that only one has, a number or a null that is not the
 * same, a number column that nobody compared. Empty when everything is equal.
 */
export function differences(frame: ResultFrame, answers: Answers, most = 10): readonly string[] {
  const found: string[] = [];
  const say = (text: string) => {
    if (found.length < most) found.push(text);
  };
  const rowOf = new Map(frame.subjects.map((subject, row) => [subject, row]));
  if (answers.ids.length !== frame.subjects.length)
    say(`${frame.subjects.length} accounts here, ${answers.ids.length} in SQL`);
  const rows = new Int32Array(answers.indexes.reduce((largest, index) => Math.max(largest, index), -1) + 1).fill(-1);
  answers.ids.forEach((id, i) => {
    const row = rowOf.get(id);
    if (row === undefined) say(`account ${id} only in SQL`);
    else rows[answers.indexes[i] ?? 0] = row;
  });

  const compared = new Set<string>();
  for (const { column, values, valid } of answers.sheets) {
    compared.add(column);
    const here = frame.columns[column];
    if (here?.type !== 'number') {
      say(`no number column ${column}`);
      continue;
    }
    rows.forEach((row, account) => {
      if (row < 0) return;
      const [a, b] = [here.valid[row] ? (here.values[row] ?? 0) : null, valid[account] ? (values[account] ?? 0) : null];
      if (a === null || b === null ? a !== b : !equal(a, b)) {
        say(`${column} of ${frame.subjects[row] ?? ''} is ${String(a)} here, ${String(b)} in SQL`);
      }
    });
  }
  for (const { column, accounts, key, keys, values } of answers.tables) {
    const here = frame.columns[column];
    if (here?.type !== 'json' && here?.type !== 'keyed') {
      say(`no table ${column}`);
      continue;
    }
    const seen = new Map<number, Map<string, number>>();
    accounts.forEach((account, i) => {
      const row = rows[account] ?? -1;
      const entries = seen.get(row) ?? new Map<string, number>();
      seen.set(row, entries.set(keys[key[i] ?? -1] ?? '', values[i] ?? 0));
    });
    frame.subjects.forEach((_, row) => {
      const given = valueAt(here, row);
      const table = (given instanceof Map ? Object.fromEntries(given) : (given ?? {})) as Readonly<
        Record<string, number>
      >;
      const entries = seen.get(row) ?? new Map<string, number>();
      for (const name of new Set([...Object.keys(table), ...entries.keys()])) {
        const [ours, theirs] = [table[name] ?? 0, entries.get(name) ?? 0];
        // Contributions are rounded to a grain of their sum, so that they add up; a small one is off by as much as a large one.
        if (!equal(ours, theirs) && !(column.endsWith('.contributions') && Math.abs(ours - theirs) <= 1e-12)) {
          say(
            `${column}.${name} of ${frame.subjects[row] ?? ''} is ${String(table[name])} here, ${String(entries.get(name))} in SQL`,
          );
        }
      }
    });
  }
  for (const [column, { type }] of Object.entries(frame.columns)) {
    if (type === 'number' && !compared.has(column) && !leftOut.some((pattern) => pattern.test(column)))
      say(`${column} was not compared`);
  }
  return found;
}
