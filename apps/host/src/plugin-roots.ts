import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

function withModules(from: string): readonly string[] {
  const found: string[] = [];
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules'))) found.push(folder);
    if (dirname(folder) === folder) return found;
  }
}

/** Folders in whose `node_modules` plugins are looked for: the workspace and those above it, then where Rapport itself is installed. */
export const pluginRoots = (workspace: string): readonly string[] => [
  ...new Set([...withModules(realpathSync(workspace)), ...withModules(realpathSync(import.meta.dirname))]),
];
