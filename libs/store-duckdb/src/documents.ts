import type { DuckDBConnection } from '@duckdb/node-api';
import type { DocumentStore, DocumentVersion, Json } from '@rapport/store';
import { compareVersions, documentConflict } from '@rapport/store';
import type { Connections } from './results.js';
import { rows } from './rows.js';
import { number, text, whole } from './sql.js';

export function documentStore({ writer, queue, reader }: Connections): DocumentStore {
  return {
    putDocument: (version, after) =>
      queue.run(async () => {
        const { key, document, status, author, reason, at, of } = version;
        const texts = [JSON.stringify(document), version.version, status, author, reason].map(text);
        // One statement looks for the latest and adds the next.
        const { rowsChanged } = await writer.run(`
          INSERT INTO document_versions
          SELECT ${text(key)}, latest + 1, ${texts.join(', ')}, ${whole(at)}, ${of === null ? 'NULL' : whole(of)}
          FROM (SELECT coalesce(max(number), 0) AS latest FROM document_versions WHERE key = ${text(key)})
          WHERE latest = ${number(after)}`);
        if (rowsChanged === 0) throw documentConflict(key, after);
        return { ...version, number: after + 1 };
      }),
    documents: async (key) => read(reader(), key === undefined ? '' : `WHERE key = ${text(key)}`),
  };
}

async function read(connection: DuckDBConnection, where: string): Promise<readonly DocumentVersion[]> {
  const sql = `
    SELECT key, number::DOUBLE, document, version, status, author, reason, made_at::DOUBLE, of_number::DOUBLE
    FROM document_versions ${where}`;
  const found = await rows(connection, sql, {
    key: 'text', number: 'number', document: 'text', version: 'text', status: 'text', author: 'text', reason: 'text', at: 'number', of: 'number',
  }); // prettier-ignore
  return found
    .map((row) => ({ ...row, document: JSON.parse(row.document ?? 'null') as Json }) as DocumentVersion)
    .sort(compareVersions);
}
