import { isDeepStrictEqual } from 'node:util';
import type { Parts } from '@rapport/sdk';
import { finding, type Finding, type JsonObject } from './finding.js';
import { propertiesOf } from './schema.js';

/** Rows of every table whose first column has this heading, by heading. */
function rowsUnder(heading: string, readme: string): readonly ReadonlyMap<string, string>[] {
  const rows: ReadonlyMap<string, string>[] = [];
  let headings: readonly string[] | null = null;
  for (const line of readme.replaceAll(/^```[\s\S]*?^```/gm, '').split('\n')) {
    if (!line.startsWith('|')) {
      headings = null;
      continue;
    }
    const cells = line
      .replace(/\|\s*$/, '')
      .slice(1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|'));
    if (headings === null) headings = cells;
    else if (headings[0]?.toLowerCase() === heading && !/^:?-+:?$/.test(cells[0] ?? '')) {
      const named = headings;
      rows.push(new Map(cells.map((cell, i) => [named[i]?.toLowerCase() ?? '', cell])));
    }
  }
  return rows;
}
const namesIn = (cell: string | undefined): readonly string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

/** The JSON that a cell is nothing but, in backticks; undefined where it is something else. */
function jsonIn(cell: string | undefined): { readonly json: unknown } | undefined {
  const [, text] = /^`([^`]+)`$/.exec(cell ?? '') ?? [];
  try {
    return text === undefined ? undefined : { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const tell = (message: string) => finding('RAPPORT_CHECK_README_TABLE', 'README.md', message);

/** The README's table of options, where there is one, names the options that there are, with their defaults. */
export function optionTableFindings(readme: string, schema: unknown): readonly Finding[] {
  const rows = rowsUnder('option', readme);
  if (rows.length === 0) return [];
  const properties = new Map(propertiesOf(schema).map(({ path, schema }) => [path, schema]));
  const told = new Set(rows.flatMap((row) => namesIn(row.get('option'))));
  const missing = [...properties.keys()].filter((path) => /^[^.[]+$/.test(path) && !told.has(path));
  return [
    ...missing.map((path) => tell(`The table of options leaves out "${path}". Add it.`)),
    ...rows.flatMap((row) =>
      namesIn(row.get('option')).flatMap((path) => optionFindings(path, properties.get(path), row.get('default'))),
    ),
  ];
}
function optionFindings(path: string, schema: JsonObject | undefined, cell: string | undefined): readonly Finding[] {
  if (!schema)
    return [tell(`The table of options has "${path}", which the schema has not. Remove it, or correct its name.`)];
  const said = jsonIn(cell);
  if (!said || isDeepStrictEqual(said.json, schema['default'])) return [];
  const is = 'default' in schema ? `it is ${JSON.stringify(schema['default'])}` : 'there is none';
  return [
    tell(`The table of options says that the default of "${path}" is ${JSON.stringify(said.json)}; ${is}. Correct it.`),
  ];
}

/** The README's table of parts, where there is one, names the parts that there are, with type and unit. */
export function partTableFindings(readme: string, parts: Parts): readonly Finding[] {
  const rows = rowsUnder('part', readme);
  if (rows.length === 0) return [];
  const told = new Set(rows.flatMap((row) => namesIn(row.get('part'))));
  const missing = Object.keys(parts).filter((name) => !told.has(name));
  const others = rows.flatMap((row) => {
    const [said = ''] = (row.get('type, unit') ?? '').split('`');
    return namesIn(row.get('part')).flatMap((name) => {
      const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
      if (!part)
        return [tell(`The table of parts has "${name}", which the metric does not declare. Remove it, or declare it.`)];
      const is = [part.type ?? 'number', ...(part.unit === undefined ? [] : [part.unit])].join(', ');
      return said === '' || said.startsWith(is)
        ? []
        : [tell(`The table of parts says that "${name}" is ${said}; it is ${is}. Correct it.`)];
    });
  });
  return [...missing.map((name) => tell(`The table of parts leaves out "${name}". Add it.`)), ...others];
}
