import { defineSegment, type SegmentDocument } from '@rapport/sdk';
import document from './churn-risk.json' with { type: 'json' };

export default defineSegment(document as SegmentDocument);
