import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './renewal-bands.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
