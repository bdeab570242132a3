// `npm run release [-- --dry-run]`: turns the version plans in .nx/version-plans into versions and changelogs,
// and brings package-lock.json in step. Nothing is committed, tagged or published: look at the difference first.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { releaseChangelog, releaseVersion } from 'nx/release/index.js';
import { releasedReport } from '../dist/api-report.js';

const title = '# Changelog\n\n';
const dryRun = process.argv.includes('--dry-run');
const { projectsVersionData, releaseGraph } = await releaseVersion({ dryRun });
const released = Object.entries(projectsVersionData).filter(([, { newVersion }]) => newVersion !== null);
await releaseChangelog({ dryRun, releaseGraph, versionData: projectsVersionData, deleteVersionPlans: true });

if (!dryRun && released.length > 0) {
  for (const [name] of released) {
    // Nx writes above the title.
    const path = `node_modules/${name}/CHANGELOG.md`;
    writeFileSync(path, title + readFileSync(path, 'utf8').replace(title, ''));
  }
  // What the API of this release is, for the test that no change of it goes unannounced.
  const sdk = projectsVersionData['@rapport/sdk']?.newVersion;
  if (sdk) {
    const report = readFileSync('libs/sdk/api-report.md', 'utf8');
    writeFileSync('libs/sdk/api-report.released.md', releasedReport(sdk, report));
  }
  execFileSync('npm', ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'], {
    stdio: 'inherit',
  });
}
console.log(
  released.length === 0
    ? '\nNo version plan, nothing to release.'
    : `\n${dryRun ? 'Would release' : 'Ready to commit and tag'}:`,
);
for (const [name, { newVersion }] of released) console.log(`  ${name}@${newVersion}`);
