import type { SegmentDocument } from '@rapport/sdk';

/** The keys of a segment's memberships: its id, or `<id>.<band>` for each band. */
export const segmentKeys = (document: SegmentDocument): readonly string[] =>
  document.bands ? document.bands.map((band) => `${document.id}.${band.id}`) : [document.id];

/** The segment's id in a membership key. */
export const segmentOf = (key: string): string => key.split('.', 1)[0] ?? key;

/** The key under which a playbook's own rule is followed. */
export const playbookKey = (id: string): string => `playbook.${id}`;
