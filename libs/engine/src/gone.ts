import type { Store } from '@rapport/store';
import { documentsAmong, type LoadedPlugin } from './api.js';
import type { Move } from './movement.js';
import { playbookKey } from './playbooks.js';
import { segmentKeys, segmentOf } from './segment-keys.js';
import type { Members } from './run.js';

/** Keys of the memberships that a document (`segment/<id>`) may give: its own, or those of its bands. */
const rootOf = (key: string): string => {
  const [kind = '', id = ''] = key.split('/', 2);
  return kind === 'playbook' ? playbookKey(id) : id;
};

/** The documents of the store whose latest version says that they are retired. */
async function retiredIn(store: Pick<Store, 'documents'>): Promise<ReadonlySet<string>> {
  const published = (await store.documents()).filter(({ status }) => status === 'published');
  const latest = new Map(published.map(({ key, document }) => [key, document]));
  return new Set([...latest].flatMap(([key, document]) => (document === null ? [rootOf(key)] : [])));
}

/**
 * Members of bands that their segment has no more, and of documents that were retired, leave; nothing is fired. A segment that is only missing, because its package is
 * refused or not there, keeps its members: it may come back.
 */
export async function leaveWhatIsGone(
  members: Members,
  plugins: readonly LoadedPlugin[],
  store: Pick<Store, 'documents'>,
  asOf: number,
): Promise<readonly Move[]> {
  const documents = documentsAmong(plugins);
  const bands = new Map(
    documents.flatMap(({ document }) => (document.kind === 'segment' ? [[document.id, segmentKeys(document)]] : [])),
  );
  const rules = new Set(
    documents.flatMap(({ kind, document: { id } }) => (kind === 'playbook' ? playbookKey(id) : [])),
  );
  const retired = await retiredIn(store);
  const why = (key: string): string | null => {
    if (rules.has(key)) return null;
    const segment = segmentOf(key);
    const known = bands.get(segment);
    if (known) return known.includes(key) ? null : `the segment has no "${key}" any more`;
    return retired.has(key) || retired.has(segment) ? 'it was retired' : null;
  };
  return [...members].flatMap(([segment, its]) => {
    const reason = why(segment);
    if (reason === null) return [];
    return [...its.values()].map(({ subject, kind }): Move => ({
      segment,
      subject,
      kind,
      change: 'exit',
      at: asOf,
      reason,
      facts: {},
      baseline: true,
    }));
  });
}
