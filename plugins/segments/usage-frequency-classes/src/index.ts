import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './usage-frequency-classes.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
