import type { Erased, Subject } from '@rapport/store';
import type { Collections } from './collections.js';
import type { MessageDocument } from './document.js';
import type { History } from './history.js';
import type { Results } from './results.js';
import { encodeId } from './text.js';

const EVENT_FIELDS = {
  day: '', name: '', user: '', account: '', attributions: '', by: '', session: '',
  num: '', str: '', flag: '', key: '', at: '', json: '', nulls: '',
} as const; // prettier-ignore
const IDS_PER_UPDATE = 5_000;

/** Forgets a subject. Of messages that say nothing else only the hash of their id is left. May be repeated after a crash. */
export async function eraseSubject(
  collections: Collections,
  stores: { readonly results: Results; readonly history: History },
  usersAreAccounts: boolean,
  subject: Subject,
): Promise<Erased> {
  // A snapshot of before, of after and of in between tell each other by this; see changes.ts.
  const erasing = `${subject.kind}/${encodeId(subject.id)}`;
  const { appends } = collections;
  await appends.updateOne({ _id: 'appends' }, { $inc: { erasures: 1 }, $addToSet: { erasing } });
  const erased = await forget(collections, stores, usersAreAccounts, subject);
  await appends.updateOne({ _id: 'appends' }, { $inc: { erasures: 1 }, $pull: { erasing } });
  return erased;
}

async function forget(
  collections: Collections,
  { results, history }: { readonly results: Results; readonly history: History },
  usersAreAccounts: boolean,
  subject: Subject,
): Promise<Erased> {
  const { messages, deliveries, staged } = collections;
  const { kind } = subject;
  const id = encodeId(subject.id);
  const erase = async (filter: Parameters<typeof messages.updateMany>[0], fields: Readonly<Record<string, ''>>) =>
    (await messages.updateMany(filter, { $unset: fields, $set: { erased: 1 } })).modifiedCount;

  let [events, traits, members] = [0, 0, 0];
  if (kind === 'user' || usersAreAccounts) {
    events += await erase({ user: id, name: { $gte: '' } }, EVENT_FIELDS);
  } else {
    // What followed from a membership belongs to the account of the latest one.
    let ids: MessageDocument['_id'][] = [];
    const flush = async () => {
      if (ids.length > 0) events += await erase({ _id: { $in: ids } }, EVENT_FIELDS);
      ids = [];
    };
    for await (const { _id, attributions } of messages.find(
      { 'attributions.account': id },
      { projection: { attributions: 1 } },
    )) {
      if (attributions?.at(-1)?.account === id && ids.push(_id) >= IDS_PER_UPDATE) await flush();
    }
    await flush();
    events += await erase({ account: id, name: { $gte: '' } }, EVENT_FIELDS);
    await messages.updateMany({ 'attributions.account': id }, { $pull: { attributions: { account: id } } });
  }
  for (const of of usersAreAccounts && kind === 'account' ? (['account', 'user'] as const) : [kind]) {
    traits += await erase({ 'traits.of': of, 'traits.subject': id }, { traits: '' });
    members += await erase({ [`member.${of}`]: id }, { member: '' });
  }
  await messages.updateMany(
    { erased: 1, name: { $exists: false }, traits: { $exists: false }, member: { $exists: false } },
    { $unset: { id: '', time: '' } },
  );
  await messages.updateMany({ erased: 1 }, { $unset: { erased: '' } });

  // From here on no snapshot shows the subject, and what rests on an earlier one is not written any more; what was written goes now.
  await results.raiseEpoch();
  await results.release();
  const erased = { events, traits, members, results: 0, history: 0, memberships: 0, transitions: 0, deliveries: 0 };
  const kinds = usersAreAccounts ? (['account', 'user'] as const) : [kind];
  for (const of of kinds) {
    const counts = await results.erase({ kind: of, id: subject.id });
    erased.results += counts.results;
    erased.memberships += counts.memberships;
    erased.transitions += counts.transitions;
    const queued = { 'subject.kind': of, 'subject.id': id };
    const { deletedCount } = await deliveries.deleteMany(queued);
    erased.deliveries += deletedCount + (await staged.deleteMany(queued)).deletedCount;
  }
  // History may also be put from results, so it goes last, once nobody can put what was read before they were erased.
  await results.raiseEpoch();
  for (const of of kinds) erased.history += await history.erase({ kind: of, id: subject.id });
  return erased;
}
