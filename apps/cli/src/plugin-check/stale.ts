import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { entryOf } from '@rapport/engine';
import type { JsonObject } from './finding.js';

/**
 * Sources of a package that were saved after `dist`, which is what runs, was built from them. None for a package without `src` or `dist`, as published ones
 * are, and where the sources themselves run. Paths inside the package; tests are left out.
 */
export function staleSources(dir: string, json: JsonObject): readonly string[] {
  const [src, dist] = [join(dir, 'src'), join(dir, 'dist')];
  const entry = entryOf(dir, json, import.meta.url.endsWith('.ts'));
  if (!entry?.startsWith(dist + sep) || !existsSync(src)) return [];
  // A compiler that finds nothing to write says so in its build information.
  const looked = Math.max(...['.tsbuildinfo', 'tsconfig.tsbuildinfo'].map((name) => savedAt(join(dist, name))));
  return readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile() && /\.(ts|json)$/.test(found.name) && !/\.(test(\..*)?|d)\.ts$/.test(found.name))
    .map((found) => relative(src, join(found.parentPath, found.name)))
    .filter((file) => {
      const built = Math.max(looked, savedAt(join(dist, file.replace(/\.ts$/, '.js'))));
      return savedAt(join(src, file)) > built;
    })
    .map((file) => join('src', file))
    .sort();
}

/** Epoch ms; 0 for what is not there. */
const savedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
