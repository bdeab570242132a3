import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { DocumentStore, DocumentVersion, Json } from '@rapport/store';
import type { OpenStore } from './open-store.js';
import { at, event, rejectsWith, withStore } from './facts.js';
import { commitRun, delivery, transition } from './runs.js';

const NOW = at('2024-03-01T00:00:00Z');
const CONFLICT = 'RAPPORT_STORE_DOCUMENT_CONFLICT';

/** A version that is about to be put. */
const version = (key: string, rest: Partial<DocumentVersion> = {}): Omit<DocumentVersion, 'number'> => ({
  key,
  document: { id: key, band: [1, null] },
  version: 'c0ffee',
  status: 'published',
  author: 'ann@acme.example',
  reason: 'first',
  at: NOW,
  of: null,
  ...rest,
});

const ODD: readonly Json[] = [
  null,
  '',
  0,
  false,
  -1 / 3,
  1e300,
  [],
  {},
  [[null, [{}]]],
  `it's "quoted" \\ 'twice'; DROP TABLE x --`,
  'a\0b \n \u2028 💼 \ud800 \uffff',
  JSON.parse('{"__proto__":{"x":1},"constructor":null,"toString":[]}') as Json,
  { $set: { 'a.b': 1, '$a.$b': 2, '': 3, '.': 4, '\0': 5 }, _id: 6, '10': 7, '9': 8, 'ü💼': 9 },
];

/** Puts documents under one key, one after the other; what was put. */
async function putAll(store: DocumentStore, key: string, documents: readonly Json[]): Promise<DocumentVersion[]> {
  const put: DocumentVersion[] = [];
  for (const document of documents) put.push(await store.putDocument(version(key, { document }), put.length));
  return put;
}

const numbers = (versions: readonly DocumentVersion[]) => versions.map(({ key, number }) => [key, number]);

/** Versions of segments and playbooks that were published from the workspace: kept for good, in one line per document. */
export function describeDocuments(open: OpenStore): void {
  const test = withStore(open);

  describe('documents', () => {
    test('come back as they were put, also after reopening', async ({ store, reopen }) => {
      const proposed = version('playbook/alarm', { status: 'proposed', reason: '', at: 0 });
      const approval = version('playbook/alarm', { author: 'bob', document: null, at: 8.64e15, of: 1 });
      expect(await store.documents()).toEqual([]);
      expect(await store.putDocument(proposed, 0)).toEqual({ ...proposed, number: 1 });
      expect(await store.putDocument(approval, 1)).toEqual({ ...approval, number: 2 });
      for (const again of [false, true]) {
        const seen = again ? await reopen() : store;
        expect(await seen.documents('playbook/alarm')).toEqual([
          { ...proposed, number: 1 },
          { ...approval, number: 2 },
        ]);
        expect(await seen.documents('playbook/other')).toEqual([]);
      }
    });

    test('are any JSON', async ({ store, reopen }) => {
      const random = fc.sample(fc.json(), { numRuns: 40, seed: 20240229 }).map((text) => JSON.parse(text) as Json);
      const documents = [...ODD, ...random];
      await putAll(store, 'segment/odd', documents);
      const found = await (await reopen()).documents('segment/odd');
      // As text, because `toEqual` sees no property of the name `__proto__`.
      expect(found.map(({ document }) => JSON.stringify(document))).toEqual(documents.map((each) => JSON.stringify(each))); // prettier-ignore
    });

    test('are as they were when they were put', async ({ store }) => {
      const document = { bands: ['high'] };
      await store.putDocument(version('segment/bands', { document }), 0);
      document.bands.push('low');
      expect(await store.documents()).toMatchObject([{ document: { bands: ['high'] } }]);
    });

    test('are numbered per key, and come by key and number', async ({ store, reopen }) => {
      const keys = ['segment/b', 'segment/\uff5e', 'playbook/b', 'segment/💼', 'segment/B', 'segment/b2'];
      for (const after of [0, 1]) for (const key of keys) await store.putDocument(version(key), after);
      await putAll(
        store,
        'segment/many',
        Array.from({ length: 12 }, (_, i) => i),
      );
      const expected = [...keys, 'segment/many']
        .sort()
        .flatMap((key) => Array.from({ length: key === 'segment/many' ? 12 : 2 }, (_, i) => [key, i + 1]));
      expect(numbers(await store.documents())).toEqual(expected);
      const seen = await reopen();
      expect(numbers(await seen.documents())).toEqual(expected);
      expect(numbers(await seen.documents('segment/b'))).toEqual([
        ['segment/b', 1],
        ['segment/b', 2],
      ]);
    });

    test('are put after the latest version, or not at all', async ({ store, reopen }) => {
      const put = await putAll(store, 'segment/a', ['one', 'two']);
      for (const after of [0, 1, 3, -1, 1.5, NaN, Infinity])
        await rejectsWith(store.putDocument(version('segment/a', { document: 'late' }), after), CONFLICT);
      await rejectsWith(store.putDocument(version('segment/b'), 2), CONFLICT);
      expect(await store.documents()).toEqual(put);
      const third = await (await reopen()).putDocument(version('segment/a', { document: 'three', of: 1 }), 2);
      expect(third.number).toBe(3);
    });

    test('put at once come after one another, or all but one are refused', async ({ store }) => {
      for (const after of [0, 1, 2]) {
        const puts = Array.from({ length: 8 }, (_, i) =>
          store.putDocument(version('segment/a', { document: i, author: `author ${String(i)}` }), after),
        );
        const settled = await Promise.allSettled(puts);
        const won = settled.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
        expect(won).toHaveLength(1);
        for (const lost of settled.filter((one) => one.status === 'rejected'))
          expect(lost.reason).toMatchObject({ code: CONFLICT });
        expect((await store.documents()).slice(after)).toEqual(won);
      }
      const keys = Array.from({ length: 8 }, (_, i) => `playbook/${String(i)}`);
      await Promise.all(keys.map((key) => store.putDocument(version(key), 0)));
      expect(numbers(await store.documents()).slice(0, 8)).toEqual(keys.map((key) => [key, 1]));
    });

    test('have keys and texts of any kind', async ({ store, reopen }) => {
      const texts = ['', '%', '_', '$', '$a.b', '.', '/', "it's", '"q"', '\\', 'a\0b', '\0', '__proto__', 'a', 'A', 'a ', '\u00e9', 'e\u0301', '💼', '{}', 'null']; // prettier-ignore
      const put = texts.map((odd) => version(`segment/${odd}`, { version: odd, author: odd, reason: odd }));
      for (const each of [...put, version('')]) await store.putDocument(each, 0);
      const seen = await reopen();
      for (const each of put) expect(await seen.documents(each.key)).toEqual([{ ...each, number: 1 }]);
      expect(await seen.documents('')).toEqual([{ ...version(''), number: 1 }]);
      expect(await seen.documents()).toHaveLength(texts.length + 1);
    });

    test('stay when runs are committed and subjects erased', async ({ store, reopen }) => {
      const put = await putAll(store, 'segment/acme', [{ account: 'acme' }, null]);
      await store.append([event('acme', 'Signed In', '2024-02-01T00:00:00Z', { account: 'acme' })]);
      await commitRun(store, {
        transitions: [transition('enter', 'acme', 'acme')],
        deliveries: [delivery('k1')],
      });
      await store.erase({ kind: 'account', id: 'acme' });
      await store.erase({ kind: 'user', id: 'acme' });
      await (await store.begin('engine', NOW, 1)).abandon();
      expect(await store.documents()).toEqual(put);
      expect(await (await reopen()).documents()).toEqual(put);
    });
  });
}
