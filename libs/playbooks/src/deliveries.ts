import type { PlaybookDocument } from '@rapport/sdk';
import type { NewDelivery } from '@rapport/store';
import { canonical, sha256, playbookKey } from '@rapport/plugin-host';
import type { Transition } from '@rapport/store';

/**
 * The deliveries that transitions lead to: one per step of each playbook that waits for such a transition. What was only found as it was
 * (`baseline`) starts nothing. The idempotency key is a digest of playbook, version, subject, entry (instant and run) and step.
 *
 * @param run number that the run will have
 * @param dueAt epoch ms
 */
export function deliveriesFor(
  playbooks: readonly { readonly document: PlaybookDocument; readonly version: string }[],
  moves: readonly Omit<Transition, 'run'>[],
  run: number,
  dueAt: number,
): readonly NewDelivery[] {
  const deliveries: NewDelivery[] = [];
  for (const { document, version } of playbooks) {
    const { trigger } = document;
    const [segment, on] = 'when' in trigger ? [playbookKey(document.id), 'enter'] : [trigger.segment, trigger.on];
    for (const move of moves) {
      if (move.baseline || move.segment !== segment || move.change !== on || move.kind !== document.subject) continue;
      const subject = { kind: move.kind, id: move.subject };
      for (const step of document.steps) {
        const entry = canonical([document.id, version, subject.kind, subject.id, move.at, run, step.id]);
        deliveries.push({
          key: `rpt_${sha256(entry).slice(0, 40)}`,
          action: step.action,
          subject,
          dueAt,
          payload: {
            playbook: { id: document.id, version },
            step: step.id,
            subject,
            transition: {
              segment: move.segment,
              change: move.change,
              at: new Date(move.at).toISOString(),
              reason: move.reason,
              facts: move.facts,
            },
            input: step.with ?? {},
          },
        });
      }
    }
  }
  return deliveries;
}
