import { prune } from '@rapport/host';
import { exit } from '@rapport/errors';
import { count } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export interface StorePruneOptions {
  readonly dryRun: boolean;
}

/** Removes what `retention` of rapport.json lets go. */
export async function storePrune(session: Session, { dryRun }: StorePruneOptions): Promise<Outcome> {
  return withWorkspace(requireWorkspace(session.io, session.workspace), async (workspace) => {
    const pruned = await prune(workspace, { now: session.io.now(), dryRun });
    const { runs, transitions, deliveries, bytes } = pruned;
    const what = `${count(runs)} runs, ${count(transitions)} transitions, ${count(deliveries)} deliveries; ${count(bytes)} bytes of results`;
    return {
      json: { dryRun, ...pruned },
      text: `${dryRun ? 'Would remove' : 'Removed'} ${what}.`,
      exitCode: exit.ok,
    };
  });
}
