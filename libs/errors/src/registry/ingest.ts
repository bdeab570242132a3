import { section } from '../section.js';

export const ingest = section({
  title: 'Events that were refused',
  groups: [
    {
      lead: 'The call is refused, and the rest of its batch is kept. The answer has the index of the call and a JSON Pointer into it.',
      codes: {
        RAPPORT_INGEST_NOT_AN_OBJECT: {
          what: 'A call is not a JSON object.',
          todo: 'Send an object.',
        },
        RAPPORT_INGEST_TYPE: {
          what: '`type` is missing or not a call of the Segment spec.',
          todo: 'Send `track`, `identify`, `group` or `page`.',
        },
        RAPPORT_INGEST_TYPE_OF_VALUE: {
          what: 'A value has a type that JSON does not have, or that the field does not accept.',
          todo: 'Send what the message asks for.',
        },
        RAPPORT_INGEST_WRONG_TYPE: {
          what: 'A field has the wrong type.',
          todo: 'Send what the message asks for.',
        },
        RAPPORT_INGEST_UNKNOWN_FIELD: {
          what: 'A call has an unknown field.',
          todo: 'Correct the name; your own fields belong in `properties` or `traits`.',
        },
        RAPPORT_INGEST_NUMBER: {
          what: 'A number is not finite.',
          todo: 'Send a finite number, or null.',
        },
        RAPPORT_INGEST_DEPTH: {
          what: 'The call nests too deeply.',
          todo: 'Send it flatter.',
        },
        RAPPORT_INGEST_KEY: {
          what: 'A key is not accepted.',
          todo: 'Rename it.',
        },
        RAPPORT_INGEST_EMPTY: {
          what: 'A name or id is empty.',
          todo: 'Fill it, or leave the field out.',
        },
        RAPPORT_INGEST_NAME_TOO_LONG: {
          what: 'A name or id is too long.',
          todo: 'Shorten it.',
        },
        RAPPORT_INGEST_TEXT: {
          what: 'A text is not valid Unicode, or contains NUL.',
          todo: 'Send UTF-8.',
        },
        RAPPORT_INGEST_TIME: {
          what: '`timestamp` is not a time from 1970 on.',
          todo: 'Send ISO 8601, as in `2026-03-01T12:30:00Z`.',
        },
        RAPPORT_INGEST_FUTURE: {
          what: '`timestamp` is more than a day ahead.',
          todo: 'Check the sender’s clock.',
        },
        RAPPORT_INGEST_MESSAGE_ID: {
          what: 'Without `messageId` and `timestamp`, a repeat looks like a new event.',
          todo: 'Send `messageId`.',
        },
        RAPPORT_INGEST_SUBJECT: {
          what: 'The call does not say who it is about.',
          todo: 'Send `userId`, `anonymousId` or `groupId`, as the message says.',
        },
        RAPPORT_INGEST_GROUP: {
          what: 'This workspace has users as its accounts, so there are no groups.',
          todo: 'Send `identify`.',
        },
        RAPPORT_INGEST_TOO_LARGE: {
          what: 'The call is too large.',
          todo: 'Send less; `limits.eventBytes` is the limit.',
        },
      },
    },
  ],
});
