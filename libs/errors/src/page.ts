import { registered, sections, type ErrorCode } from './registry.js';
import type { ErrorEntry, ErrorGroup } from './section.js';

/* docs/errors.md and the table of docs/http-api.md, as the registry has them; `npm run errors` writes them. */

const cell = (text: string) => text.replaceAll('|', '\\|');
const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`;

const table = ({ lead, column = 'what happened', codes }: ErrorGroup<ErrorCode>): string =>
  [
    ...(lead === undefined ? [] : [lead, '']),
    row('code', column, 'what to do'),
    row('---', '---', '---'),
    ...(Object.entries(codes) as [ErrorCode, ErrorEntry][]).map(([code, { what, todo }]) =>
      row(`\`${code}\``, cell(what), cell(todo)),
    ),
    '',
  ].join('\n');

/** The text of docs/errors.md; Markdown, not yet formatted. */
export const errorsPage = (): string =>
  [
    '# What an error means',
    '',
    'Every error has a code that never changes its meaning, and a sentence that names the thing and the place, and says what to do. A command prints',
    '`CODE: sentence`; with `--json`, and over HTTP, they are `code` and `message` (`detail` in a problem document).',
    '',
    'This page is generated from [libs/errors](../libs/errors/README.md) by `npm run errors`.',
    '',
    ...sections.flatMap(({ title, groups }) => [`## ${title}`, '', ...groups.map(table)]),
  ].join('\n');

/** The errors that a request can end with, by status; Markdown, not yet formatted. */
export function httpErrorsTable(): string {
  const answered = registered.filter(({ status }) => status !== null);
  answered.sort((a, b) => (a.status ?? 0) - (b.status ?? 0));
  return [
    row('status', 'code', 'when'),
    row('---', '---', '---'),
    ...answered.map(({ status, code, what }) => row(String(status), `\`${code}\``, cell(what))),
  ].join('\n');
}
