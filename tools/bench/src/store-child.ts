import { openDuckdbStore } from '@rapport/store-duckdb';
import { messageOf } from './store-messages.js';

/* Appends messages, says so, and waits to be killed. */
const [path = '', messages = '0', batch = '100'] = process.argv.slice(2);
const store = await openDuckdbStore({ path, zone: 'UTC' });
for (let from = 0; from < Number(messages); from += Number(batch))
  await store.append(Array.from({ length: Number(batch) }, (_, i) => messageOf(from + i)));
process.stdout.write('done\n');
setInterval(() => undefined, 60_000);
