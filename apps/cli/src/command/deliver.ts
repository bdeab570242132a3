import { exit } from '../failure.js';
import { count } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export async function deliver(session: Session): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    const report = await engine.deliver();
    const parked = await engine.deliveries({ state: 'parked', limit: 20 });
    const text = [
      `${count(report.delivered)} delivered, ${count(report.retried)} to be tried again, ${count(report.parked)} parked.`,
    ];
    for (const { key, action, attempts, lastError } of parked)
      text.push(`  parked: ${action} ${key}, after ${attempts} attempts: ${lastError ?? ''}`);
    return { json: { ...report, parkedDeliveries: parked }, text: text.join('\n'), exitCode: exit.ok };
  });
}
