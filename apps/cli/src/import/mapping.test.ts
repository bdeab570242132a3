import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mappingSchema, parseMapping, type Mapping } from './mapping.js';
import { compileSource, type LookupTable } from './row.js';

const base = {
  mapping: 'acme',
  lookups: { owner: { file: 'owners.csv', key: 'id', columns: ['account'] } },
  sources: [
    {
      file: 'visits.csv',
      key: 'id',
      emit: [
        {
          call: 'track',
          event: 'Feature Used',
          timestamp: { column: 'at' },
          userId: { column: 'user' },
          groupId: { lookup: 'owner', by: 'owner', column: 'account' },
          properties: {
            feature: { column: 'feature' },
            seconds: { column: 'seconds', as: 'number' },
            beta: { column: 'beta', as: 'boolean', empty: 'null' },
            label: { template: '{feature}/{user}' },
            source: 'crm',
            weight: 2,
          },
        },
      ],
    },
  ],
} satisfies Mapping;
const header = ['id', 'at', 'user', 'owner', 'feature', 'seconds', 'beta'];
const lookups = new Map<string, LookupTable>([['owner', new Map([['O1', ['A1']]])]]);

const change = (edit: (mapping: Mapping & { sources: [Mapping['sources'][0]] }) => unknown): string => {
  const copy = structuredClone(base) as unknown as Mapping & { sources: [Mapping['sources'][0]] };
  const changed = edit(copy);
  return JSON.stringify(changed ?? copy);
};
const message = (json: string): string => {
  try {
    parseMapping(json, 'mapping.json');
  } catch (error) {
    return (error as Error).message;
  }
  return 'valid';
};
const rows = (mapping: Mapping, ...cells: string[][]) => {
  const read = compileSource(mapping.sources[0]!, header, { mapping, timeZone: 'UTC', lookups });
  return cells.map((row) => read(row));
};

describe('a mapping document', () => {
  it('is published as a JSON Schema beside the package', () => {
    const file: unknown = JSON.parse(readFileSync(new URL('../../mapping.schema.json', import.meta.url), 'utf8'));
    expect(file).toEqual(JSON.parse(JSON.stringify(mappingSchema)));
  });

  it('is accepted when it is right', () => {
    expect(message(JSON.stringify(base))).toBe('valid');
  });

  it('is refused with the place and the word that was meant', () => {
    expect(message('{"mapping": ')).toContain('mapping.json is not JSON');
    expect(message(change((m) => ({ ...m, soruces: m.sources, sources: undefined })))).toContain(
      'unknown field "soruces". Did you mean "sources"?',
    );
    expect(
      message(change((m) => void Object.assign(m.sources[0].emit[0]!.properties!.seconds!, { as: 'numbr' }))),
    ).toMatch(/\/sources\/0\/emit\/0\/properties\/seconds\/as: must be one of .* Did you mean "number"\?/);
    expect(message(change((m) => void Object.assign(m.sources[0].emit[0]!.groupId!, { lookup: 'ower' })))).toContain(
      'there is no lookup "ower". Did you mean "owner"?',
    );
    expect(message(change((m) => void Object.assign(m.sources[0].emit[0]!, { event: undefined })))).toContain(
      'a track call needs "event"',
    );
    expect(message(change((m) => void Object.assign(m.sources[0].emit[0]!, { when: { column: 'a' } })))).toContain(
      '/sources/0/emit/0/when: write "column" with one of',
    );
  });

  it('lists all of its faults at once', () => {
    const text = message(change((m) => void Object.assign(m.sources[0], { fiel: 'x', emit: [] })));
    expect(text).toContain('unknown field "fiel". Did you mean "file"?');
    expect(text).toContain('/sources/0/emit: must NOT have fewer than 1 items');
  });

  it('is refused when two calls of a row would have the same message id', () => {
    expect(
      message(
        change((m) => void (m.sources[0] = { ...m.sources[0], emit: [...m.sources[0].emit, ...m.sources[0].emit] })),
      ),
    ).toContain('give one an "id" of its own');
  });
});

describe('a row', () => {
  it('becomes a call with values of their type, constants, templates and looked-up columns', () => {
    expect(rows(base, ['7', '2024-03-01', 'u1', 'O1', 'reports', '12.5', 'True'])).toEqual([
      [
        {
          call: {
            type: 'track',
            messageId: 'acme:visits:7:Feature Used',
            timestamp: '2024-03-01T00:00:00.000Z',
            userId: 'u1',
            context: { groupId: 'A1' },
            event: 'Feature Used',
            properties: {
              feature: 'reports',
              seconds: 12.5,
              beta: true,
              label: 'reports/u1',
              source: 'crm',
              weight: 2,
            },
          },
        },
      ],
    ]);
  });

  it('leaves out or nulls empty cells, as told', () => {
    expect(rows(base, ['7', '2024-03-01', 'u1', 'O1', 'reports', '', ' '])[0]).toMatchObject([
      { call: { properties: { beta: null } } },
    ]);
    expect(JSON.stringify(rows(base, ['7', '2024-03-01', 'u1', 'O1', 'reports', '', '']))).not.toContain('seconds');
  });

  it('is refused with the column and the cell when something in it cannot be read', () => {
    const codes = rows(
      base,
      ['1', '2024-02-30', 'u1', 'O1', 'f', '1', ''],
      ['2', '2024-02-28', 'u1', 'O1', 'f', '1,200', ''],
      ['3', '2024-02-28', 'u1', 'O9', 'f', '1', ''],
      ['4', '2024-02-28', '', 'O1', 'f', '1', ''],
      ['', '2024-02-28', 'u1', 'O1', 'f', '1', ''],
      ['6', '2024-02-28', 'u1', 'O1', 'f', '1', 'maybe'],
    ).map(([result]) =>
      result && 'fault' in result ? `${result.fault.code} ${result.fault.pointer} ${result.fault.message}` : 'call',
    );
    expect(codes[0]).toMatch(/^RAPPORT_IMPORT_VALUE \/timestamp column "at" has "2024-02-30", which is not an instant/);
    expect(codes[1]).toMatch(
      /^RAPPORT_IMPORT_VALUE \/properties\/seconds column "seconds" has "1,200", which is not a number/,
    );
    expect(codes[2]).toMatch(/^RAPPORT_IMPORT_LOOKUP \/context\/groupId .*"O9"/);
    expect(codes[3]).toMatch(/^RAPPORT_IMPORT_EMPTY \/userId column "user" is empty/);
    expect(codes[4]).toMatch(/^RAPPORT_IMPORT_KEY \/messageId/);
    expect(codes[5]).toMatch(/^RAPPORT_IMPORT_VALUE \/properties\/beta/);
  });

  it('is passed over by "where", and its calls by "when"', () => {
    const { mapping } = { mapping: structuredClone(base) as Mapping };
    Object.assign(mapping.sources[0]!, { where: { not: { column: 'user', equals: 'robot' } } });
    Object.assign(mapping.sources[0]!.emit[0]!, {
      when: {
        all: [
          { column: 'feature', in: ['a', 'b'] },
          { column: 'seconds', empty: false },
        ],
      },
    });
    const results = rows(
      mapping,
      ['1', '2024-01-01', 'robot', 'O1', 'a', '1', ''],
      ['2', '2024-01-01', 'u', 'O1', 'c', '1', ''],
      ['3', '2024-01-01', 'u', 'O1', 'b', '', ''],
      ['4', '2024-01-01', 'u', 'O1', 'b', '1', ''],
    );
    expect(results.map((r) => r.length)).toEqual([0, 0, 0, 1]);
  });

  it('of keys with separators in them gets an id of its own', () => {
    const mapping = structuredClone(base) as Mapping;
    Object.assign(mapping.sources[0]!, { key: ['id', 'feature'] });
    const ids = rows(
      mapping,
      ['a|b', '2024-01-01', 'u', 'O1', 'c', '', ''],
      ['a', '2024-01-01', 'u', 'O1', 'b|c', '', ''],
    ).map(([r]) => r && 'call' in r && 'messageId' in r.call && r.call.messageId);
    expect(new Set(ids).size).toBe(2);
  });

  it('cannot be read when a column is not there, or there twice', () => {
    const compile = (names: string[]) => () =>
      compileSource(base.sources[0] as Mapping['sources'][0], names, { mapping: base, timeZone: 'UTC', lookups });
    expect(compile(header.map((name) => (name === 'feature' ? 'featrue' : name)))).toThrow(
      'visits.csv has no column "feature". Did you mean "featrue"?',
    );
    expect(compile([...header, 'user'])).toThrow('names the column "user" twice');
  });
});
