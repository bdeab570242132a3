import { exit, failure } from '@rapport/errors';
import { count } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export interface DeliverOptions {
  /** Keys of parked deliveries to try again. */
  readonly replay?: readonly string[];
}

/** Sends what is due; parked deliveries named by `replay` first become due again. Fails with `RAPPORT_DELIVERY_NOT_FOUND`, having sent nothing, where no parked delivery has such a key. */
export async function deliver(session: Session, options: DeliverOptions): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    for (const key of options.replay ?? []) {
      if (await engine.store.replay(key, session.io.now())) continue;
      throw failure('RAPPORT_DELIVERY_NOT_FOUND', { key });
    }
    const report = await engine.deliver();
    const parked = await engine.deliveries({ state: 'parked', limit: 20 });
    const text = [
      `${count(report.delivered)} delivered, ${count(report.retried)} to be tried again, ${count(report.parked)} parked.`,
    ];
    for (const { key, action, attempts, lastError } of parked)
      text.push(`  parked: ${action} ${key}, after ${attempts} attempts: ${lastError ?? ''}`);
    if (parked.length > 0) text.push('Once the reason is gone: rapport deliver --replay KEY');
    return { json: { ...report, parkedDeliveries: parked }, text: text.join('\n'), exitCode: exit.ok };
  });
}
