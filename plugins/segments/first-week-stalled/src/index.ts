import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './first-week-stalled.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
