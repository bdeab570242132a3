import { dateOf, readDay, readTime, zone as zoneOf, type Zone } from '@rapport/sdk/time';
import { didYouMean } from '../closest.js';
import { failure, RapportError } from '@rapport/errors';
import {
  emitId,
  type CellType,
  type Emit,
  type Mapping,
  type RowCondition,
  type Source,
  type ValueSource,
} from './mapping.js';

type Cells = readonly string[];
type Value = string | number | boolean | null;
/** `undefined` leaves the field out. */
type Read = (row: Cells) => Value | undefined;

/** A cell that cannot be used; the call it was meant for is refused. */
export class CellFault extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** Of the field in the call. */
    readonly pointer: string,
  ) {
    super(message);
    this.name = 'CellFault';
  }
}

/** Columns kept of another file, by key. */
export type LookupTable = ReadonlyMap<string, Cells>;
export interface RowContext {
  readonly mapping: Mapping;
  readonly timeZone: string;
  readonly lookups: ReadonlyMap<string, LookupTable>;
}

/** What a row gives: calls, or faults in the place of calls. */
export type RowResult = { readonly call: object } | { readonly fault: CellFault };
export type RowReader = (row: Cells) => RowResult[];

/**
 * Compiles one source of a mapping for a file with the given header. Throws `RAPPORT_MAPPING_COLUMN` when a column that the mapping names is not
 * there (did you mean), and `RAPPORT_MAPPING_HEADER` when the header names a needed column twice.
 */
export function compileSource(source: Source, header: readonly string[], context: RowContext): RowReader {
  const nulls = new Set(context.mapping.nulls ?? []);
  const isEmpty = (cell: string) => {
    const bare = cell.trim();
    return bare === '' || nulls.has(bare);
  };
  const index = columnFinder(header, source.file);

  const condition = (c: RowCondition | undefined): ((row: Cells) => boolean) => {
    if (!c) return () => true;
    if (c.all) {
      const all = c.all.map(condition);
      return (row) => all.every((test) => test(row));
    }
    if (c.any) {
      const any = c.any.map(condition);
      return (row) => any.some((test) => test(row));
    }
    if (c.not) {
      const not = condition(c.not);
      return (row) => !not(row);
    }
    const i = index(c.column ?? '');
    const cell = (row: Cells) => (row[i] ?? '').trim();
    if (c.empty !== undefined) return (row) => isEmpty(row[i] ?? '') === c.empty;
    const values = new Set(c.in ?? [c.equals ?? '']);
    return (row) => values.has(cell(row));
  };

  const value = (v: ValueSource, at: string, whenEmpty: 'skip' | 'refuse'): Read => {
    if (v === null || typeof v !== 'object') return () => v;
    const onEmpty = v.empty ?? whenEmpty;
    const empty = (column: string): Value | undefined => {
      if (onEmpty === 'null') return null;
      if (onEmpty === 'skip') return undefined;
      throw new CellFault('RAPPORT_IMPORT_EMPTY', `column "${column}" is empty, and ${at} needs a value`, at);
    };
    if (v.template !== undefined) {
      const parts = v.template.split(/\{([^{}]+)\}/);
      const columns = parts.map((part, i) => (i % 2 === 1 ? index(part) : -1));
      return (row) => {
        let text = '';
        for (let i = 0; i < parts.length; i++) {
          if (i % 2 === 0) text += parts[i] ?? '';
          else {
            const cell = row[columns[i] ?? -1] ?? '';
            if (isEmpty(cell)) return empty(parts[i] ?? '');
            text += cell.trim();
          }
        }
        return text;
      };
    }
    const column = v.column ?? '';
    const parse = cellParser(v.as ?? 'text', context.timeZone);
    const read = (cell: string, name: string): Value | undefined => {
      if (isEmpty(cell)) return empty(name);
      const parsed = parse(cell);
      if (parsed === null) {
        throw new CellFault(
          'RAPPORT_IMPORT_VALUE',
          `column "${name}" has ${excerpt(cell)}, which is not ${wanted[v.as ?? 'text']}`,
          at,
        );
      }
      return parsed;
    };
    if (v.lookup !== undefined) {
      const table = context.lookups.get(v.lookup);
      const by = index(v.by ?? '');
      const position = context.mapping.lookups?.[v.lookup]?.columns.indexOf(column) ?? -1;
      return (row) => {
        const key = (row[by] ?? '').trim();
        if (isEmpty(key)) return empty(v.by ?? '');
        const found = table?.get(key);
        if (!found) {
          throw new CellFault(
            'RAPPORT_IMPORT_LOOKUP',
            `column "${v.by ?? ''}" has ${excerpt(key)}, which the lookup "${v.lookup ?? ''}" does not know`,
            at,
          );
        }
        return read(found[position] ?? '', column);
      };
    }
    const i = index(column);
    return (row) => read(row[i] ?? '', column);
  };

  const keys = (typeof source.key === 'string' ? [source.key] : source.key).map((name) => ({ name, i: index(name) }));
  const prefix = `${context.mapping.mapping}:${source.file.replace(/\.csv(\.gz)?$/, '')}:`;
  const where = condition(source.where);
  const emits = source.emit.map((emit) => compileEmit(emit, condition(emit.when), value, zoneOf(context.timeZone)));

  return (row) => {
    if (!where(row)) return [];
    let id = prefix;
    for (const [k, key] of keys.entries()) {
      const cell = (row[key.i] ?? '').trim();
      if (isEmpty(cell)) {
        return [
          {
            fault: new CellFault(
              'RAPPORT_IMPORT_KEY',
              `key column "${key.name}" is empty; without it a second import could not tell this row`,
              '/messageId',
            ),
          },
        ];
      }
      // A separator inside a key must not make two different rows one.
      id += (k > 0 ? '|' : '') + cell.replaceAll('\\', '\\\\').replaceAll('|', '\\|');
    }
    const results: RowResult[] = [];
    for (const emit of emits) {
      if (!emit.when(row)) continue;
      try {
        results.push({ call: emit.build(row, `${id}:${emit.id}`) });
      } catch (error) {
        if (!(error instanceof CellFault)) throw error;
        results.push({ fault: error });
      }
    }
    return results;
  };
}

/** Position of a column by name, or a clear refusal of the whole file. */
export function columnFinder(header: readonly string[], file: string): (name: string) => number {
  const names = header.map((name) => name.trim());
  return (name) => {
    const i = names.indexOf(name);
    if (i === -1) {
      throw new RapportError(
        'RAPPORT_MAPPING_COLUMN',
        `${file} has no column "${name}".${didYouMean(name, names)} Its columns: ${names.slice(0, 40).join(', ')}`,
      );
    }
    if (names.includes(name, i + 1)) {
      throw failure('RAPPORT_MAPPING_HEADER', { file, column: name });
    }
    return i;
  };
}

function compileEmit(
  emit: Emit,
  when: (row: Cells) => boolean,
  value: (v: ValueSource, at: string, whenEmpty: 'skip' | 'refuse') => Read,
  zone: Zone,
) {
  const happened = value(instantByDefault(emit.timestamp), '/timestamp', 'refuse');
  // An event happens at an instant: of a day, its first in the mapping's zone.
  const timestamp: Read = (row) => {
    const time = happened(row);
    const day = typeof time === 'string' ? readDay(time) : null;
    return day === null ? time : new Date(zone.startOfDay(day)).toISOString();
  };
  const event = emit.event === undefined ? undefined : value(emit.event, '/event', 'refuse');
  const userId = emit.userId === undefined ? undefined : value(emit.userId, '/userId', 'refuse');
  const groupId =
    emit.groupId === undefined
      ? undefined
      : value(emit.groupId, emit.call === 'group' ? '/groupId' : '/context/groupId', 'refuse');
  const sessionId = emit.sessionId === undefined ? undefined : value(emit.sessionId, '/context/sessionId', 'skip');
  const bag = emit.call === 'track' ? 'properties' : 'traits';
  const fields = Object.entries(emit[bag] ?? {}).map(([name, v]) => ({
    name,
    read: value(v, `/${bag}/${name}`, 'skip'),
  }));

  const build = (row: Cells, messageId: string): object => {
    const call: Record<string, unknown> = { type: emit.call, messageId, timestamp: timestamp(row) };
    const user = userId?.(row);
    if (user !== undefined && user !== null) call.userId = String(user);
    const group = groupId?.(row);
    const session = sessionId?.(row);
    if (emit.call === 'group') call.groupId = String(group);
    else if ((group !== undefined && group !== null) || (session !== undefined && session !== null)) {
      call.context = {
        ...(group !== undefined && group !== null ? { groupId: String(group) } : {}),
        ...(session !== undefined && session !== null ? { sessionId: String(session) } : {}),
      };
    }
    if (event) call.event = String(event(row));
    if (fields.length > 0) {
      // A column may be called __proto__.
      const values = Object.create(null) as Record<string, Value>;
      for (const field of fields) {
        const v = field.read(row);
        if (v !== undefined) values[field.name] = v;
      }
      call[bag] = { ...values };
    }
    return call;
  };
  return { id: emitId(emit), when, build };
}

/** A timestamp's column holds an instant unless something else is said. */
const instantByDefault = (v: ValueSource): ValueSource =>
  v !== null && typeof v === 'object' && v.column !== undefined && v.as === undefined ? { ...v, as: 'time' } : v;

const wanted: Readonly<Record<CellType, string>> = {
  text: 'text',
  number: 'a number (digits with a point, no thousands separators)',
  boolean: 'true or false (also yes/no, 1/0)',
  time: 'an instant such as 2024-12-31, 2024-12-31 18:30 or 2024-12-31T18:30:00Z',
  date: 'a date such as 2024-12-31',
  epochSeconds: 'seconds since 1970',
  epochMilliseconds: 'milliseconds since 1970',
};

/** Null when the text is not of the type. */
function cellParser(as: CellType, zone: string): (cell: string) => Value {
  switch (as) {
    case 'text':
      return (cell) => cell;
    case 'number':
      return (cell) => number(cell);
    case 'boolean':
      return (cell) => booleans.get(cell.trim().toLowerCase()) ?? null;
    case 'time': {
      // The same few days come again and again.
      const its = zoneOf(zone);
      const known = new Map<string, string | null>();
      return (cell) => {
        let instant = known.get(cell);
        if (instant === undefined) {
          const read = readTime(cell.trim(), its);
          // A day stays one: what reads it knows the zone.
          instant = read === null ? null : read.kind === 'day' ? dateOf(read.day) : new Date(read.at).toISOString();
          if (known.size > 10_000) known.clear();
          known.set(cell, instant);
        }
        return instant;
      };
    }
    case 'date':
      return (cell) => (readDay(cell.trim()) === null ? null : cell.trim());
    case 'epochSeconds':
      return (cell) => instantOf(number(cell), 1000);
    case 'epochMilliseconds':
      return (cell) => instantOf(number(cell), 1);
  }
}

const booleans = new Map([
  ...['true', 'yes', 'y', 't', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', 'f', '0'].map((word) => [word, false] as const),
]);

function number(cell: string): number | null {
  const bare = cell.trim();
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(bare)) return null;
  const n = Number(bare);
  return Number.isFinite(n) ? n : null;
}
const instantOf = (n: number | null, scale: number): string | null =>
  n === null || Math.abs(n * scale) > 8.64e15 ? null : new Date(n * scale).toISOString();

const excerpt = (cell: string) => JSON.stringify(cell.length > 60 ? `${cell.slice(0, 60)}…` : cell);
