import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './engagement-bands.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
