import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { checkRequest, ownPackage } from '@rapport/scaffold';
import { exit, failure } from '@rapport/errors';
import type { Outcome, Session } from './outcome.js';

export interface PluginNewOptions {
  readonly dir?: string;
  readonly name?: string;
}

const require = createRequire(import.meta.url);
const versionOf = (path: string): string =>
  (JSON.parse(readFileSync(require.resolve(path), 'utf8')) as { version: string }).version;

/** Writes a plugin package that stands alone. Never overwrites one: throws `RAPPORT_SCAFFOLD_EXISTS`, and `RAPPORT_SCAFFOLD_*` for what cannot be one. */
export function newPlugin(session: Session, kind: string, id: string, options: PluginNewOptions): Outcome {
  checkRequest(kind, id);
  const name = options.name ?? `rapport-${kind}-${id}`;
  const dir = resolve(session.io.cwd, options.dir ?? id);
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw failure('RAPPORT_SCAFFOLD_EXISTS', { folder: dir });
  }
  const versions = {
    sdk: versionOf('@rapport/sdk/package.json'),
    testkit: versionOf('@rapport/testkit/package.json'),
    cli: versionOf('../../package.json'),
  };
  const files = ownPackage({ kind, id, name, versions });
  for (const [file, text] of Object.entries(files)) {
    const path = join(dir, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const folder = relative(session.io.cwd, dir) || '.';
  return {
    json: { kind, id, name, dir, files: Object.keys(files) },
    text: [
      `The ${kind} "${id}" is package ${name} in ${folder}: it builds and passes its tests as it is.`,
      `Next: ${folder === '.' ? '' : `cd ${folder} && `}npm install && npm test && npm run build`,
      `Then make it yours: src/${kind === 'metric' || kind === 'action' || kind === 'operator' ? 'index.ts' : `${id}.json`}, its test, and the README.`,
    ].join('\n'),
    exitCode: exit.ok,
  };
}
