import type { Zone } from '@rapport/sdk/time';
import type { AnyBulkWriteOperation } from 'mongodb';
import type { Collections } from './collections.js';
import type { MessageDocument } from './document.js';
import { instantsIn } from './instants.js';

/** Grows when texts are read as times in another way than before. Databases without it were read when texts without an offset were UTC. */
export const TIMES = 2;

const PAGE = 1000;

/**
 * Reads the stored texts of a database again that another version of Rapport has read, once, when it is opened. Broken off, it begins again with
 * the next opening.
 */
export async function rereadTimes({ workspace, messages }: Collections, zone: Zone): Promise<void> {
  const state = await workspace.findOne({ _id: 'workspace' });
  if (!state || (state.times ?? 1) >= TIMES) return;
  let changes: AnyBulkWriteOperation<MessageDocument>[] = [];
  const write = async () => {
    if (changes.length > 0) await messages.bulkWrite(changes, { ordered: false });
    changes = [];
  };
  for await (const { _id, str = {}, at = null } of messages.find(
    { str: { $exists: true } },
    { projection: { str: 1, at: 1 } },
  )) {
    // prettier-ignore
    const found = instantsIn(str, zone);
    if (JSON.stringify(found) === JSON.stringify(at)) continue;
    changes.push({ updateOne: { filter: { _id }, update: found ? { $set: { at: found } } : { $unset: { at: 1 } } } });
    if (changes.length >= PAGE) await write();
  }
  await write();
  await workspace.updateOne({ _id: 'workspace' }, { $set: { times: TIMES } });
}
