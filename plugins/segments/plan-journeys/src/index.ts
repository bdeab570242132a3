import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './plan-journeys.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
