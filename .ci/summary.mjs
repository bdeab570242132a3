// Prints `N passed, N failed[, N skipped]` from vitest's JSON report; exits with 1 unless something passed and nothing failed.
import { readFileSync } from 'node:fs';

const read = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
};
const report = read(process.argv[2]);
const count = (...statuses) =>
  (report?.testResults ?? []).flatMap((file) => file.assertionResults).filter((test) => statuses.includes(test.status))
    .length;

// A file that does not load has no tests that could fail, and a run that crashed left no report: both count as one failure.
const broken = (report?.testResults ?? []).filter(
  (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
).length;
const passed = count('passed');
const noticed = count('failed') + broken;
const failed = noticed === 0 && report?.success !== true ? 1 : noticed;
const skipped = count('skipped', 'pending', 'todo', 'disabled');

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
