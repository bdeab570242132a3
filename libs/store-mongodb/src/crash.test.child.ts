import { appendFileSync } from 'node:fs';
import { batchOf, commitOf, historyOf } from './crash.test.data.js';
import { openMongodbStore } from './index.js';

/* A process to be killed: appends batch after batch, puts a day's history again and again, or commits run after run, and notes what was acknowledged. */
const [task = '', uri = '', database = '', notes = ''] = process.argv.slice(2);
const store = await openMongodbStore({ zone: 'UTC', uri, database });
const note = (line: string) => {
  appendFileSync(notes, `${line}\n`);
};
if (task === 'append') {
  for (let i = 0; ; i++) {
    await store.append(batchOf(i));
    note(String(i));
  }
} else if (task === 'history') {
  for (let i = 1; ; i++) {
    await store.putHistory([historyOf(i)], 0);
    note(String(i));
  }
} else {
  for (let i = ((await store.latestRun())?.number ?? 0) + 1; ; i++) {
    const lease = await store.begin('child', i * 1000, 500);
    await lease.commit(commitOf(i), i * 1000);
    note(String(i));
  }
}
