import { section } from '../section.js';

export const stores = section({
  title: 'Stores',
  exit: 'store',
  groups: [
    {
      codes: {
        RAPPORT_STORE_OPEN: {
          what: 'The file cannot be opened.',
          todo: 'Check path and permissions.',
          status: 503,
        },
        RAPPORT_STORE_CLOSED: {
          what: 'The store was used after it was closed.',
          todo: 'Close it last.',
          status: 503,
        },
        RAPPORT_STORE_URI: {
          what: 'The MongoDB address is not valid.',
          todo: 'Write `mongodb://HOST/DATABASE`.',
        },
        RAPPORT_STORE_UNREACHABLE: {
          what: 'MongoDB does not answer.',
          todo: 'Check address, network and credentials.',
          status: 503,
        },
        RAPPORT_STORE_LOCKED: {
          what: 'Another process has the file open.',
          todo: 'Stop it, or talk to it over its HTTP API.',
          status: 503,
        },
        RAPPORT_STORE_NOT_OURS: {
          what: 'It is not a Rapport store, or is damaged.',
          todo: 'Name another path, or restore a backup.',
        },
        RAPPORT_STORE_VERSION: {
          what: 'It was written by a later version of Rapport.',
          todo: 'Upgrade Rapport.',
        },
        RAPPORT_STORE_ZONE: {
          what: 'The time zone is not an IANA name.',
          todo: 'Write one such as `UTC` or `Europe/Berlin`.',
        },
        RAPPORT_STORE_ZONE_CHANGED: {
          what: 'Its days are those of another time zone than `rapport.json` has.',
          todo: 'Set the zone back, or import into a new store.',
        },
        RAPPORT_STORE_ACCOUNTS_CHANGED: {
          what: 'Its accounts come from elsewhere than `rapport.json` says.',
          todo: 'Set `accounts` back, or import into a new store.',
        },
        RAPPORT_STORE_INDEX: {
          what: 'A MongoDB index has the right name and the wrong definition.',
          todo: 'Drop it as the message says, and restart.',
        },
        RAPPORT_STORE_FORMAT: {
          what: 'A document about the store, or part of the history, is missing.',
          todo: 'Reopen the store; backfill the history.',
        },
        RAPPORT_STORE_RUN_BUSY: {
          what: 'Another process is evaluating this workspace.',
          todo: 'Wait for it to end.',
          status: 503,
        },
        RAPPORT_STORE_LEASE_LOST: {
          what: 'Another process took the run over.',
          todo: 'Start a new run.',
          status: 503,
        },
        RAPPORT_STORE_ERASED: {
          what: 'An account or user was erased during a run, twice.',
          todo: 'Run it again.',
          status: 503,
        },
        RAPPORT_STORE_DOCUMENT_CONFLICT: {
          what: 'Somebody else has published or proposed a version since.',
          todo: 'Look at it, and base yours on it.',
          status: 412,
          exit: 'refused',
        },
        RAPPORT_STORE_FRAME: {
          what: 'The store’s answer does not fit the plan.',
          todo: 'Report it: this is a fault of the store.',
        },
      },
    },
  ],
});
