import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { failure, RapportError } from '@rapport/errors';
import { parseMapping, type Mapping } from './mapping.js';

/** What the command line names: calls as NDJSON, or a mapping with the folder it lies in. */
export type Input =
  | { readonly kind: 'ndjson'; readonly name: string; readonly path: string; readonly bytes: number }
  | { readonly kind: 'stdin'; readonly name: string }
  | {
      readonly kind: 'mapping';
      readonly name: string;
      readonly path: string;
      readonly dir: string;
      readonly mapping: Mapping;
    };

/** Throws `RAPPORT_IMPORT_NO_FILE`, `RAPPORT_IMPORT_NO_MAPPING`, `RAPPORT_IMPORT_CSV`, `RAPPORT_MAPPING_*`. */
export function openInput(name: string, resolve: (path: string) => string): Input {
  if (name === '-') return { kind: 'stdin', name: 'stdin' };
  const path = resolve(name);
  if (!existsSync(path)) throw new RapportError('RAPPORT_IMPORT_NO_FILE', `there is no file or folder ${name}`);
  const stat = statSync(path);
  if (stat.isDirectory()) {
    const inside = join(path, 'mapping.json');
    if (!existsSync(inside)) {
      throw failure('RAPPORT_IMPORT_NO_MAPPING', { folder: name });
    }
    return {
      kind: 'mapping',
      name,
      path: inside,
      dir: path,
      mapping: parseMapping(readFileSync(inside, 'utf8'), inside),
    };
  }
  if (/\.(csv|tsv)(\.gz)?$/i.test(name)) {
    throw failure('RAPPORT_IMPORT_CSV', { file: name, folder: dirname(name) });
  }
  if (extname(path) === '.json' && stat.size < 4_194_304 && looksLikeMapping(path)) {
    return { kind: 'mapping', name, path, dir: dirname(path), mapping: parseMapping(readFileSync(path, 'utf8'), path) };
  }
  return { kind: 'ndjson', name, path, bytes: stat.size };
}

/** A `.json` file may also hold calls, one per line: those begin and end on their first line. */
function looksLikeMapping(path: string): boolean {
  const head = Buffer.alloc(65_536);
  const file = openSync(path, 'r');
  const length = readSync(file, head);
  closeSync(file);
  const text = head.toString('utf8', 0, length);
  const line = text.split('\n', 1)[0] ?? '';
  try {
    const first: unknown = JSON.parse(line);
    return typeof first === 'object' && first !== null && 'sources' in first;
  } catch {
    return /"(sources|mapping)"\s*:/.test(text);
  }
}
