import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { playbookSchema, segmentSchema } from '@rapport/rules';
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
  const configured = registryFrom(session.io.cwd);
  const files = ownPackage({
    kind,
    id,
    name,
    versions,
    schemas: { segment: segmentSchema, playbook: playbookSchema },
    registry: configured,
  });
  for (const [file, text] of Object.entries(files)) {
    const path = join(dir, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const folder = relative(session.io.cwd, dir) || '.';
  const inside = folder !== '.' && !folder.startsWith('..') && existsSync(join(session.io.cwd, 'package.json'));
  const enter = folder === '.' ? [] : [`cd ${folder}`];
  // A package beside others is linked into them: that is how Rapport finds it, and npm then reads the settings of this folder.
  const install = inside ? [`npm install ./${folder}`, ...enter] : [...enter, 'npm install'];
  const next = [...install, 'npm test', 'npm run dev'].join(' && ');
  const own = kind === 'segment' || kind === 'playbook' ? `src/${id}.json` : 'src/index.ts';
  return {
    json: { kind, id, name, dir, files: Object.keys(files), registry: configured, next },
    text: [
      `The ${kind} "${id}" is package ${name} in ${folder}: it builds and passes its tests as it is.`,
      `Next: ${next}`,
      ...(configured === null ? [ASKS_DEFAULT] : []),
      `Then make it yours: ${own}, its test, sample/ and the README.`,
    ].join('\n'),
    exitCode: exit.ok,
  };
}

const ASKS_DEFAULT =
  'No .npmrc names a registry for @rapport/*, so npm asks its default registry. If they are elsewhere, say where before you install: npm config set @rapport:registry URL --location=project';

/** The registry of `@rapport/*` that an `.npmrc` names, the nearest one upward from a folder, else the user's; null where none does. */
function registryFrom(cwd: string): string | null {
  for (let dir = cwd; ; dir = dirname(dir)) {
    const registry = registryIn(join(dir, '.npmrc'));
    if (registry !== null) return registry;
    if (dirname(dir) === dir) return registryIn(join(homedir(), '.npmrc'));
  }
}
function registryIn(file: string): string | null {
  if (!existsSync(file)) return null;
  const line = /^[ \t]*@rapport:registry[ \t]*=[ \t]*"?([^\s"]+)/m.exec(readFileSync(file, 'utf8'));
  return line?.[1] ?? null;
}
