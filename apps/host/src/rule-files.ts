import { readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { extname, join, relative } from 'node:path';
import type { DocumentFile, RefusedPlugin } from '@rapport/engine';

/** Folder of a workspace with its own segments and playbooks, as JSON. */
export const RULES = 'rules';

export interface RuleFiles {
  /** In the order of their paths. */
  readonly documents: readonly DocumentFile[];
  /** Files that are no documents and look as if they should be, or that cannot be read. */
  readonly ignored: readonly RefusedPlugin[];
}

/** What a folder of rules may hold besides: notes, and what tools leave there. */
const isBeside = (name: string): boolean =>
  name.startsWith('.') || name.endsWith('~') || /\.(?:md|schema\.json)$/i.test(name);

/** The documents of a workspace, and what else lies among them; nothing when there is no such folder. Schemas, notes and hidden files are left out. */
export function ruleFiles(root: string): RuleFiles {
  const folder = join(root, RULES);
  let entries: readonly Dirent[];
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { documents: [], ignored: [] };
    throw error;
  }
  const documents: DocumentFile[] = [];
  const ignored: RefusedPlugin[] = [];
  const paths = entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && !isBeside(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const path of paths) {
    const file = relative(root, path);
    const ignore = (why: string) =>
      ignored.push({ name: file, code: 'RAPPORT_RULES_FILE', message: `${file}: ${why}` });
    try {
      if (!statSync(path).isFile()) continue;
      if (extname(path).toLowerCase() === '.json') documents.push({ file, text: readFileSync(path, 'utf8') });
      else ignore(`it is not read, as rules are files that end in ".json". Rename it, or move it out of ${RULES}/.`);
    } catch (error) {
      ignore(
        `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'no code'}). Correct its permissions, or where the link leads.`,
      );
    }
  }
  return { documents, ignored };
}
