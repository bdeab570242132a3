import { join } from 'node:path';
import { errorsPage, httpErrorsTable } from '@rapport/errors';
import { format, resolveConfig } from 'prettier';
import { readText, repository } from './packages.js';

const TABLE = /(<!-- errors: [^\n]*-->\n)[\s\S]*?(<!-- end of errors -->)/;

/** The pages that the registry of errors writes: path, and the text that must be there. */
export async function errorPages(): Promise<ReadonlyMap<string, string>> {
  const formatted = async (path: string, text: string) =>
    format(text, { ...(await resolveConfig(join(repository, path))), parser: 'markdown' });
  const api = readText('docs/http-api.md');
  if (!TABLE.test(api)) throw new Error('docs/http-api.md has no place for the table of errors: <!-- errors: … -->');
  const withTable = api.replace(TABLE, (_, begin: string, end: string) => `${begin}\n${httpErrorsTable()}\n\n${end}`);
  return new Map([
    ['docs/errors.md', await formatted('docs/errors.md', errorsPage())],
    ['docs/http-api.md', await formatted('docs/http-api.md', withTable)],
  ]);
}
