import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import type { Membership, Store } from '@rapport/store';
import type { Move } from './transitions.js';
import { latestDocuments } from './latest-documents.js';
import { segmentKeys, segmentOf, playbookKey, documentsAmong, type LoadedPlugin } from '@rapport/plugin-host';
import type { Members } from './move-all.js';

const PLAYBOOK = playbookKey('');
/** What the keys of a document's memberships begin with. */
const rootOf = (kind: string, id: string): string => (kind === 'playbook' ? playbookKey(id) : id);

/** The roots of the store's documents that were retired. */
async function retiredIn(store: Pick<Store, 'documents'>): Promise<ReadonlySet<string>> {
  return new Set(
    [...(await latestDocuments(store))].flatMap(([key, document]) => {
      const [kind = '', id = ''] = key.split('/', 2);
      return document === null ? [rootOf(kind, id)] : [];
    }),
  );
}

/**
 * Members of bands that their segment has no more, of the other kind than its document is about now, and of documents that were retired, leave; nothing is fired. A segment
 * that is only missing, because its package is refused or not there, keeps its members: it may come back.
 */
export async function leaveWhatIsGone(
  members: Members,
  plugins: readonly LoadedPlugin[],
  store: Pick<Store, 'documents'>,
  asOf: number,
): Promise<readonly Move[]> {
  const loaded = new Map<string, SegmentDocument | PlaybookDocument>(
    documentsAmong(plugins).map(({ document }) => [rootOf(document.kind, document.id), document]),
  );
  const rootOfKey = (key: string) => (key.startsWith(PLAYBOOK) ? key : segmentOf(key));
  // Nearly always every member's document is there, and nothing has to be read.
  const isMissing = [...members.keys()].some((key) => !loaded.has(rootOfKey(key)));
  const retired = isMissing ? await retiredIn(store) : new Set<string>();
  const why = (key: string, kind: Membership['kind']): string | null => {
    const root = rootOfKey(key);
    const document = loaded.get(root);
    if (!document) return retired.has(root) ? 'it was retired' : null;
    if (document.subject !== kind) return `it is about ${document.subject}s now`;
    if (document.kind === 'playbook')
      return 'when' in document.trigger ? null : 'the playbook has no rule of its own any more';
    return segmentKeys(document).includes(key) ? null : `the segment has no "${key}" any more`;
  };
  return [...members].flatMap(([segment, its]) =>
    [...its.values()].flatMap(({ subject, kind }): readonly Move[] => {
      const reason = why(segment, kind);
      if (reason === null) return [];
      return [
        {
          segment,
          subject,
          kind,
          change: 'exit',
          at: asOf,
          reason,
          facts: {},
          baseline: true,
          baselineReason: 'retired',
          baselineText: reason,
        },
      ];
    }),
  );
}
