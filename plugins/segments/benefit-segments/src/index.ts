import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './benefit-segments.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
