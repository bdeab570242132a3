import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { DocumentFile } from '@rapport/engine';

/** Folder of a workspace with its own segments and playbooks, as JSON. */
export const RULES = 'rules';

/** The documents of a workspace, in the order of their paths; none when there is no such folder. Schemas (`*.schema.json`) are left out. */
export function ruleFiles(root: string): readonly DocumentFile[] {
  const folder = join(root, RULES);
  let entries;
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json') && !entry.name.endsWith('.schema.json'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ file: relative(root, path), text: readFileSync(path, 'utf8') }));
}
