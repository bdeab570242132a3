#!/usr/bin/env node
// Mutation testing of one package or room: changes the code in many small ways, and counts the changes that no test notices.
// Works on a copy of the repository in a temporary folder, because mutants are written into the sources themselves:
// packages import each other by name, and a copy of one package alone would be tested against the others' originals.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

/** What is mutated, and the tests that must notice. */
const targets = {
  'plugin-host': { mutate: 'libs/plugin-host/src', tests: ['libs/plugin-host', 'libs/engine'] },
  measurement: { mutate: 'libs/engine/src/measurement', tests: ['libs/engine'] },
  membership: { mutate: 'libs/engine/src/membership', tests: ['libs/engine'] },
  rules: { mutate: 'libs/rules/src', tests: ['libs/rules'] },
  playbooks: { mutate: 'libs/playbooks/src', tests: ['libs/playbooks', 'libs/engine'] },
};
const usage = `Usage: npm run mutate -- TARGET [--file NAME]... [--json PATH]

Mutates one package or room of the engine and prints the share of mutants that tests notice.

  TARGET         ${Object.keys(targets).join(', ')}
  --file NAME    only this file of it, or these lines: derived.ts, derived.ts:10-40 (may be repeated)
  --json PATH    write Stryker's report there, too
  --help         this text

Takes minutes for a file and hours for a package: every mutant runs the tests that reach it.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: { type: 'string', multiple: true }, json: { type: 'string' }, help: { type: 'boolean' } },
});
const name = positionals[0] ?? '';
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (positionals.length !== 1 || !Object.hasOwn(targets, name)) {
  console.error(`There is no target "${positionals.join(' ')}".\n\n${usage}`);
  process.exit(2);
}
const { mutate, tests } = targets[name];
const root = join(import.meta.dirname, '../..');
const copy = mkdtempSync(join(tmpdir(), 'rapport-mutate-'));
const run = (command, args, cwd, stdio = 'inherit') => spawnSync(command, args, { cwd, stdio, maxBuffer: 1 << 28 });
try {
  const listed = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root, 'pipe');
  for (const file of listed.stdout.toString().split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file), { verbatimSymlinks: true, force: true });
  }
  cpSync(join(root, 'node_modules'), join(copy, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  const include = tests.map((folder) => `${folder}/src/**/*.test.ts`);
  writeFileSync(
    join(copy, 'vitest.mutate.config.ts'),
    `import base from './vitest.config.js';\nexport default { ...base, test: { ...base.test, include: ${JSON.stringify(include)} } };\n`,
  );
  const files = values.file?.map((file) => `${mutate}/${file}`) ?? [
    `${mutate}/**/*.ts`,
    `!${mutate}/**/*.test.ts`,
    `!${mutate}/**/*.test.*.ts`,
    `!${mutate}/**/*.d.ts`,
  ];
  const config = {
    mutate: files,
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'vitest.mutate.config.ts', related: false },
    inPlace: true,
    coverageAnalysis: 'perTest',
    // A mutant in what runs once at import would run every test.
    ignoreStatic: true,
    concurrency: availableParallelism(),
    timeoutMS: 60_000,
    reporters: ['progress', 'clear-text', 'json'],
    clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportTests: false },
    jsonReporter: { fileName: 'mutation.json' },
  };
  writeFileSync(join(copy, 'stryker.config.json'), JSON.stringify(config));
  const { status } = run(process.execPath, [join(copy, 'node_modules/@stryker-mutator/core/bin/stryker.js'), 'run', 'stryker.config.json'], copy); // prettier-ignore
  if (status !== 0) process.exitCode = status ?? 1;
  else {
    const report = readFileSync(join(copy, 'mutation.json'), 'utf8');
    if (values.json) writeFileSync(values.json, report);
    const mutants = Object.values(JSON.parse(report).files).flatMap((file) => file.mutants);
    const count = (...statuses) => mutants.filter((mutant) => statuses.includes(mutant.status)).length;
    const [killed, survived, uncovered] = [count('Killed', 'Timeout'), count('Survived'), count('NoCoverage')];
    const score = Math.round((1000 * killed) / (killed + survived + uncovered)) / 10;
    console.log(JSON.stringify({ target: name, killed, survived, uncovered, ignored: count('Ignored'), score }));
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
