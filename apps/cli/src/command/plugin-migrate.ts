import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { exit, RapportError } from '@rapport/errors';
import { migrateSource } from '../plugin-migrate/sdk-2.js';
import type { Outcome, Session } from './outcome.js';

const require = createRequire(import.meta.url);

/** Source files below a folder, without what was installed or built. Code units order them. */
const sourcesIn = (dir: string, below = ''): readonly string[] =>
  readdirSync(join(dir, below), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(below, entry.name);
      if (entry.isDirectory()) return /^(node_modules|dist|\..*)$/.test(entry.name) ? [] : sourcesIn(dir, path);
      return /\.m?[jt]s$/.test(path) && !path.endsWith('.d.ts') ? [path] : [];
    });

/** Writes `range` wherever a plugin's `package.json` names the SDK; the rest of the text stays as it is. */
function migrateManifest(text: string, range: string): string {
  return text.replace(/("sdk"|"@rapport\/sdk")(\s*:\s*)"[^"]*"/g, (_, key: string, colon: string) => {
    return `${key}${colon}"${range}"`;
  });
}

/**
 * Brings a plugin package written for SDK 1 to this SDK: renames, subpaths, the range in `package.json`. Says what is left to do by hand. Writes only files
 * that change. Throws `RAPPORT_MIGRATE_PACKAGE` for a folder that holds no plugin package, `RAPPORT_MIGRATE_SOURCE` for a file that is not TypeScript; then
 * nothing is written.
 */
export function migratePlugin({ io }: Session, given: string): Outcome {
  const dir = resolve(io.cwd, given);
  const manifest = join(dir, 'package.json');
  const text = existsSync(manifest) ? readFileSync(manifest, 'utf8') : '';
  if (!text.includes('"rapport"'))
    throw new RapportError(
      'RAPPORT_MIGRATE_PACKAGE',
      `${dir} is not the folder of a plugin package: no package.json with "rapport" in it; name the folder`,
    );
  const { version } = require('@rapport/sdk/package.json') as { version: string };
  const written = new Map<string, string>();
  const notes: { file: string; line: number; sentence: string }[] = [];
  const json = migrateManifest(text, `^${version}`);
  if (json !== text) written.set('package.json', json);
  for (const file of sourcesIn(dir)) {
    const source = readFileSync(join(dir, file), 'utf8');
    let migrated;
    try {
      migrated = migrateSource(source);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new RapportError('RAPPORT_MIGRATE_SOURCE', `${file} cannot be read (${why}); nothing was changed`);
    }
    if (migrated.text !== source) written.set(file, migrated.text);
    notes.push(...migrated.notes.map((note) => ({ file, ...note })));
  }
  for (const [file, content] of written) writeFileSync(join(dir, file), content);
  const changed = [...written.keys()];
  return {
    json: { dir, changed, notes },
    text: [
      changed.length === 0 ? 'Nothing to change.' : `Changed: ${changed.join(', ')}.`,
      ...notes.map(({ file, line, sentence }) => `${relative(io.cwd, join(dir, file))}:${String(line)}: ${sentence}`),
      'Next: npm install, format, type-check and test it; docs/migrate-to-sdk-2.md says what changed.',
    ].join('\n'),
    exitCode: exit.ok,
  };
}
