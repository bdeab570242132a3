import { definePlaybook, type PlaybookDocument } from '@rapport/sdk';
import document from './usage-alarm.json' with { type: 'json' };

export default definePlaybook(document as PlaybookDocument);
