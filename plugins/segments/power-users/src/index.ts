import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './power-users.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
