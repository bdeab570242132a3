import type { Delivery } from '@rapport/sdk';
import { zone } from '@rapport/sdk/time';
import { momentOf } from '../instant.js';
import { leaveWhatIsGone } from '../membership/retired.js';
import { deliveriesFor } from '@rapport/playbooks';
import {
  segmentKeys,
  playbookKey,
  trying,
  verdictsOf,
  documentsAmong,
  type LoadedDocument,
} from '@rapport/plugin-host';
import type { Move } from '../membership/transitions.js';
import type { Problem } from '@rapport/rules';
import { concernedBy, type Proposal } from './proposal.js';
import { traitFindings } from './review.js';
import { unknownsOf, type Unknowns } from './unknowns.js';
import { factsFor, factsOfLatestRun } from './rehearsal.js';
import { type RunSetting } from '../membership/setting.js';
import { membersBySegment, moveAll, type Members } from '../membership/move-all.js';

export interface PreviewOptions {
  /** Instant, epoch ms; default that of the latest run, else now. */
  readonly asOf?: number;
  /** Subjects to name per segment and direction; default 10. */
  readonly samples?: number;
}
export interface PreviewMove {
  readonly subject: string;
  readonly reason: string;
}
export interface SegmentPreview {
  readonly segment: string;
  /** Members now; those who would enter, leave and stay; members then. */
  readonly before: number;
  readonly enter: number;
  readonly leave: number;
  readonly stay: number;
  readonly after: number;
  readonly entering: readonly PreviewMove[];
  readonly leaving: readonly PreviewMove[];
}
export interface PlaybookPreview {
  readonly playbook: string;
  readonly enabled: boolean;
  /** Subjects whose moves it waits for, and deliveries that they would lead to. */
  readonly subjects: number;
  readonly deliveries: number;
  /** The first of these deliveries, as its action would get them. */
  readonly sample: readonly DeliveryPreview[];
}
export interface DeliveryPreview {
  readonly subject: string;
  readonly step: string;
  readonly action: string;
  readonly input: unknown;
  /** Why the subject would enter or leave. */
  readonly reason: string;
}
export interface PreviewReport {
  readonly id: string;
  /** What `subjects` counts. */
  readonly kind: 'account' | 'user';
  readonly version: string;
  readonly asOf: string;
  readonly subjects: number;
  /** Share of all subjects that would move, in the document's own segments or in those that ask for its members; 0–1. */
  readonly share: number;
  /** The document's own segment and bands first, then those that ask for its members. */
  readonly segments: readonly SegmentPreview[];
  /**
   * What the moves mean for playbooks once the version is in force. The run that first evaluates a new version takes its members as it finds them and fires nothing;
   * these are the deliveries that the same moves would lead to at any later run.
   */
  readonly playbooks: readonly PlaybookPreview[];
  /** Subjects that the document can say nothing of, and why; they stay where they are. */
  readonly unknown: Unknowns;
  /** Where the document does not fit the traits that the data has: see `lint`. */
  readonly warnings: readonly Problem[];
  readonly errors: readonly { readonly segment: string; readonly message: string }[];
}

const SAMPLES = 10;

const keysOf = ({ document }: LoadedDocument): readonly string[] =>
  document.kind === 'segment' ? segmentKeys(document) : [playbookKey(document.id)];

/** Who would enter, leave and stay, and which playbooks would fire, were a document in force. Takes no lease and writes nothing. */
export async function preview(
  setting: RunSetting,
  proposal: Proposal,
  options: PreviewOptions,
): Promise<PreviewReport> {
  const { store, clock } = setting;
  const { document, version, plugins } = proposal;
  const { documents, moved } = concernedBy(proposal);
  // A workspace has far more members than one document concerns.
  const before = documentsAmong(setting.plugins).find(
    ({ kind, document: { id } }) => kind === document.kind && id === document.id,
  );
  const known = new Set([...documents.flatMap(keysOf), ...(before ? keysOf(before) : [])]);
  const lists = await Promise.all([...known].map((segment) => store.memberships({ segment })));
  const members = membersBySegment(lists.flat());
  const snapshot = await store.snapshot();
  try {
    if (options.asOf !== undefined) momentOf(setting, options.asOf);
    const found = options.asOf === undefined ? await factsOfLatestRun(setting, plugins, documents, snapshot) : null;
    const asOf = found?.asOf ?? options.asOf ?? (await store.latestRun())?.asOf ?? clock.now();
    const tables = found?.tables ?? (await factsFor(setting, plugins, documents, snapshot, asOf));
    const verdicts = verdictsOf(trying(setting));
    const samples = options.samples ?? SAMPLES;
    const { moves, errors } = await moveAll(
      documents,
      tables,
      members,
      { at: asOf, zone: zone(store.zone) },
      verdicts,
      { described: samples },
    );
    const left = await leaveWhatIsGone(members, documents, store, asOf);
    const keys = new Set([
      ...moved.filter((plugin) => plugin.kind === 'segment' || 'when' in plugin.document.trigger).flatMap(keysOf),
      ...left.map(({ segment }) => segment),
    ]);
    const seen = [...left, ...moves].filter(({ segment }) => keys.has(segment));
    const table = tables.get(document.subject);
    const subjects = table?.subjects.length ?? 0;
    const unknown = table
      ? await verdicts.settle(({ quiet }) =>
          unknownsOf(document, table, snapshot, { at: asOf, zone: zone(store.zone) }, quiet),
        )
      : { subjects: 0, because: [] };
    const findings = await traitFindings(document, { store, plugins }, asOf);
    return {
      id: document.id,
      kind: document.subject,
      version,
      asOf: new Date(asOf).toISOString(),
      subjects,
      share: subjects === 0 ? 0 : Math.min(1, new Set(seen.map(({ subject }) => subject)).size / subjects),
      segments: [...keys].map((key) => segmentPreview(key, seen, members, samples)),
      playbooks: playbookPreviews(documents, seen, clock.now(), samples),
      unknown,
      warnings: findings.map(({ code, pointer, message }) => ({ code, pointer, message })),
      errors,
    };
  } finally {
    await snapshot.close();
  }
}

function segmentPreview(segment: string, moves: readonly Move[], members: Members, samples: number): SegmentPreview {
  const of = (change: Move['change']) => moves.filter((move) => move.segment === segment && move.change === change);
  const [entering, leaving] = [of('enter'), of('exit')];
  const before = members.get(segment)?.size ?? 0;
  const shown = (some: readonly Move[]) => some.slice(0, samples).map(({ subject, reason }) => ({ subject, reason }));
  return {
    segment,
    before,
    enter: entering.length,
    leave: leaving.length,
    stay: before - leaving.length,
    after: before - leaving.length + entering.length,
    entering: shown(entering),
    leaving: shown(leaving),
  };
}

function playbookPreviews(
  documents: readonly LoadedDocument[],
  moves: readonly Move[],
  now: number,
  samples: number,
): readonly PlaybookPreview[] {
  return documents.flatMap((plugin) => {
    if (plugin.kind !== 'playbook') return [];
    const deliveries = deliveriesFor([plugin], moves, 0, now);
    const subjects = new Set(deliveries.map(({ subject }) => subject.id)).size;
    const sample = deliveries.slice(0, samples).map(({ subject, action, payload }): DeliveryPreview => {
      const { step, input, transition } = payload as Omit<Delivery, 'key' | 'attempt'>;
      return { subject: subject.id, step, action, input, reason: transition.reason };
    });
    const { id } = plugin.document;
    return [{ playbook: id, enabled: plugin.enabled, subjects, deliveries: deliveries.length, sample }];
  });
}
