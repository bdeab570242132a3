import { section } from '../section.js';

export const workspaceFile = section({
  title: 'The workspace file, `rapport.json`',
  exit: 'configuration',
  groups: [
    {
      lead: 'Rapport does not start; nothing was changed. The message names the key by JSON Pointer.',
      codes: {
        RAPPORT_CONFIG_NOT_FOUND: {
          what: 'There is no `rapport.json`, or it cannot be read.',
          todo: '`rapport init` writes one; `--workspace DIR` names another folder.',
        },
        RAPPORT_CONFIG_JSON: {
          what: 'It is not JSON; the message has line and column.',
          todo: 'Correct the place.',
        },
        RAPPORT_CONFIG_UNKNOWN_KEY: {
          what: 'It has a key that is not known.',
          todo: 'Correct the name; the message suggests the nearest.',
        },
        RAPPORT_CONFIG_INVALID: {
          what: 'A value is of the wrong type or out of range.',
          todo: 'Write what the message asks for.',
        },
        RAPPORT_CONFIG_DEPTH: {
          what: 'It nests deeper than 50 levels.',
          todo: 'Flatten it.',
        },
        RAPPORT_CONFIG_ENV: {
          what: 'A `$env` is not the name of an environment variable.',
          todo: 'Write `{ "$env": "NAME" }`.',
        },
        RAPPORT_CONFIG_ENV_MISSING: {
          what: 'An environment variable it asks for is not set.',
          todo: 'Set it, or write the value.',
        },
        RAPPORT_CONFIG_GOAL: {
          what: 'A goal has a day that does not exist, days in the wrong order, or a target equal to its baseline.',
          todo: 'Correct the place.',
        },
        RAPPORT_CONFIG_PROFILE: {
          what: 'A rule of a profile is not valid.',
          todo: 'Correct the place; profiles know `trait.<name>` and `tenure` only.',
        },
        RAPPORT_CONFIG_SCOPE: {
          what: 'A metric is configured for a scope that is not defined.',
          todo: 'Define it under `scopes`, or correct the name after the colon.',
        },
        RAPPORT_CONFIG_TIME_ZONE: {
          what: 'The time zone is not an IANA name.',
          todo: 'Write one such as `UTC` or `Europe/Berlin`.',
        },
        RAPPORT_CONFIG_STORE: {
          what: '`store` is neither a DuckDB path nor a MongoDB address.',
          todo: 'Write `duckdb:FILE` or `mongodb://HOST/DATABASE`.',
        },
        RAPPORT_CONFIG_UNKNOWN_PLUGIN: {
          what: 'It configures a metric, action or operator that is not installed.',
          todo: 'Install it, or remove the key.',
        },
        RAPPORT_CONFIG_NOT_IN_FORCE: {
          what: 'It configures a segment or playbook that is not in force: retired, refused, or unknown. Everything else runs.',
          todo: 'Bring it back, or remove the key.',
        },
      },
    },
  ],
});
