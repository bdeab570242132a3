import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { RapportError } from '@rapport/errors';
import { fileBytes, type ByteSource } from './bytes.js';
import { csvReader, type CsvFault, type CsvRecord } from './csv.js';
import type { FileIntake } from './intake.js';
import { readLines } from './lines.js';
import type { Mapping, Source } from './mapping.js';
import { columnFinder, compileSource, type LookupTable, type RowContext, type RowReader } from './row.js';

/** Where a mapping's file lies; a packed one (`accounts.csv.gz`) stands in for it. Throws `RAPPORT_IMPORT_NO_FILE`. */
export function dataFile(dataDir: string, file: string): string {
  const path = join(dataDir, file);
  if (existsSync(path)) return path;
  if (existsSync(`${path}.gz`)) return `${path}.gz`;
  throw new RapportError(
    'RAPPORT_IMPORT_NO_FILE',
    `the mapping reads ${file}, and ${path} is not there; say where the files are with --data DIR`,
  );
}

type Handle = (event: { readonly record: CsvRecord } | { readonly fault: CsvFault }) => void;

/** Records of a CSV file, in blocks, so that the caller can wait between them. */
async function eachBlock(source: ByteSource, delimiter: string, handle: Handle, between: () => Promise<boolean>) {
  const reader = csvReader({ record: (record) => handle({ record }), fault: (fault) => handle({ fault }) }, delimiter);
  for await (const { first, lines } of readLines(source)) {
    for (const [i, text] of lines.entries()) reader.push(first + i, text);
    if (!(await between())) return;
  }
  reader.end();
  await between();
}

/** Rows of one source of a mapping, as calls. Throws `RAPPORT_MAPPING_COLUMN` when its columns are not there, `RAPPORT_IMPORT_NO_HEADER` for an empty file. */
export async function importMapped(
  source: Source,
  bytes: ByteSource,
  context: RowContext,
  intake: FileIntake,
  signal: AbortSignal,
): Promise<void> {
  let header: readonly string[] | undefined;
  let read: RowReader | undefined;
  const handle: Handle = (event) => {
    if ('fault' in event) {
      intake.seen();
      intake.refuse(event.fault.line, event.fault.code, '', event.fault.message, event.fault.text);
      return;
    }
    const { line, cells } = event.record;
    if (!header || !read) {
      header = cells;
      read = compileSource(source, header, context);
      return;
    }
    intake.seen();
    if (cells.length !== header.length) {
      const message = `the row has ${cells.length} cells and the first line ${header.length}; put cells with the delimiter or a line break in them in quotes`;
      intake.refuse(line, 'RAPPORT_IMPORT_COLUMNS', '', message, cells);
      return;
    }
    for (const result of read(cells)) {
      if ('call' in result) intake.call(line, result.call);
      else intake.refuse(line, result.fault.code, result.fault.pointer, result.fault.message, cells);
    }
  };
  await eachBlock(bytes, source.delimiter ?? context.mapping.delimiter ?? ',', handle, async () => {
    await intake.room();
    return !signal.aborted;
  });
  if (!header)
    intake.refuse(1, 'RAPPORT_IMPORT_NO_HEADER', '', 'the file is empty; its first line must name the columns', '');
}

/** Reads the lookups of a mapping into memory: for each key the columns that the mapping keeps. Of a repeated key the first row counts. */
export async function readLookups(mapping: Mapping, dataDir: string): Promise<Map<string, LookupTable>> {
  const tables = new Map<string, LookupTable>();
  for (const [name, lookup] of Object.entries(mapping.lookups ?? {})) {
    const table = new Map<string, readonly string[]>();
    let key = -1;
    let columns: number[] | undefined;
    let width = 0;
    const handle: Handle = (event) => {
      // The same row is refused with its line where the file is a source; a key that is missing is refused where it is asked for.
      if ('fault' in event) return;
      const { cells } = event.record;
      if (!columns) {
        const index = columnFinder(cells, lookup.file);
        key = index(lookup.key);
        columns = lookup.columns.map(index);
        width = cells.length;
        return;
      }
      const id = (cells[key] ?? '').trim();
      if (cells.length === width && id !== '' && !table.has(id))
        table.set(
          id,
          columns.map((i) => cells[i] ?? ''),
        );
    };
    const bytes = fileBytes(dataFile(dataDir, lookup.file));
    await eachBlock(bytes, lookup.delimiter ?? mapping.delimiter ?? ',', handle, () => Promise.resolve(true));
    tables.set(name, table);
  }
  return tables;
}
