import type { DocumentVersion, Store } from '@rapport/store';

/** The store's documents by key (`segment/<id>`), as they were published last; null for one that was retired then. */
export async function latestDocuments(
  store: Pick<Store, 'documents'>,
): Promise<ReadonlyMap<string, DocumentVersion['document']>> {
  const published = (await store.documents()).filter(({ status }) => status === 'published');
  return new Map(published.map(({ key, document }) => [key, document]));
}
