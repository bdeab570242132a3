import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';

/** A package that says it is a plugin, before anything about it has been checked. */
export interface FoundPackage {
  readonly name: string;
  readonly dir: string;
  /** Its `package.json`, or null when that cannot be read. */
  readonly json: Readonly<Record<string, unknown>> | null;
}

function readPackage(dir: string): Readonly<Record<string, unknown>> | null {
  try {
    const json: unknown = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Readonly<Record<string, unknown>>)
      : null;
  } catch {
    return null;
  }
}

const list = (dir: string): readonly string[] => (existsSync(dir) ? readdirSync(dir).sort() : []);

function packageDirs(root: string): readonly string[] {
  const modules = join(root, 'node_modules');
  return list(modules).flatMap((name) =>
    name.startsWith('@')
      ? list(join(modules, name)).map((inner) => join(modules, name, inner))
      : name.startsWith('.')
        ? []
        : [join(modules, name)],
  );
}

/**
 * Finds plugins: every folder of `dirs`, then every package in `node_modules/*` and `node_modules/@scope/*` of each root whose `package.json` has
 * the keyword `rapport-plugin`. The first of several packages of one name is taken. Order: as given, then by name.
 */
export function findPlugins(roots: readonly string[], dirs: readonly string[] = []): readonly FoundPackage[] {
  const found = new Map<string, FoundPackage>();
  const take = (dir: string, json: FoundPackage['json']) => {
    const name = typeof json?.['name'] === 'string' ? json['name'] : dir;
    if (!found.has(name)) found.set(name, { name, dir: existsSync(dir) ? realpathSync(dir) : dir, json });
  };
  for (const dir of dirs) take(dir, readPackage(dir));
  for (const dir of roots.flatMap(packageDirs)) {
    const json = readPackage(dir);
    const keywords = json?.['keywords'];
    if (Array.isArray(keywords) && keywords.includes('rapport-plugin')) take(dir, json);
  }
  return [...found.values()];
}

/** The version of the SDK that this engine offers. */
export function sdkVersion(): string {
  const json = readPackage(join(createRequire(import.meta.url).resolve('@rapport/sdk/package.json'), '..'));
  return typeof json?.['version'] === 'string' ? json['version'] : '0.0.0';
}
