import { checkProfile, pointerToken, problemsOf } from '@rapport/rules';
import type { RetentionPolicy } from '@rapport/store';
import { Ajv } from 'ajv';
import { readFile } from 'node:fs/promises';
import { goalProblem, goalsSchema, type Goal } from './analysis/goal.js';
import {
  defaultWorkers,
  EngineError,
  messageOf,
  type PluginSettings,
  measureDefinitions,
  scopeSchema,
} from '@rapport/plugin-host';

const count = (minimum: number, maximum: number) => ({ type: 'integer', minimum, maximum }) as const;
const enabled = {
  anyOf: [
    { const: false },
    { type: 'object', additionalProperties: false, properties: { enabled: { type: 'boolean' } } },
  ],
} as const;
const name = { type: 'string', pattern: '^[a-z][a-z0-9-]{0,62}$' } as const;
const setting = { anyOf: [{ const: false }, { type: 'object' }] } as const;

/** JSON Schema (draft 7) of `rapport.json`, after `{ "$env": … }` has been replaced. Plugins' own sections are checked against their own schemas when they load. */
export const configSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Rapport workspace',
  definitions: measureDefinitions,
  type: 'object',
  required: ['workspace'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    workspace: { type: 'string', pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$' },
    timeZone: { type: 'string', minLength: 1 },
    store: { type: 'string', pattern: '^(duckdb:.+|mongodb(\\+srv)?://.+)$' },
    accounts: { enum: ['groups', 'users'] },
    metrics: { type: 'object', additionalProperties: setting },
    segments: { type: 'object', additionalProperties: enabled },
    playbooks: { type: 'object', additionalProperties: enabled },
    actions: { type: 'object', additionalProperties: setting },
    operators: { type: 'object', additionalProperties: { const: false } },
    profiles: {
      type: 'object',
      propertyNames: name,
      additionalProperties: {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        items: {
          type: 'object',
          required: ['id', 'when'],
          additionalProperties: false,
          properties: { id: name, title: { type: 'string' }, when: { type: 'object' } },
        },
      },
    },
    signupTrait: { type: 'string', minLength: 1, maxLength: 200 },
    scopes: { type: 'object', propertyNames: name, additionalProperties: scopeSchema },
    hierarchy: {
      type: 'object',
      required: ['parent'],
      additionalProperties: false,
      properties: { parent: { type: 'string', minLength: 1, maxLength: 200 } },
    },
    trends: {
      type: 'object',
      additionalProperties: false,
      properties: {
        metrics: { anyOf: [{ const: 'all' }, { type: 'array', items: { type: 'string', minLength: 1 } }] },
        slopeDays: count(2, 3650),
      },
    },
    rules: {
      type: 'object',
      additionalProperties: false,
      properties: { approvalShare: { type: 'number', minimum: 0, maximum: 1 } },
    },
    goals: goalsSchema,
    retention: {
      type: 'object',
      additionalProperties: false,
      properties: { days: count(1, 36_500), monthEnds: { type: 'boolean' } },
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      properties: {
        metricMs: count(1, 3_600_000),
        loadMs: count(1, 600_000),
        memoryMb: count(16, 65_536),
        workers: count(1, 64),
        deliveryMs: count(1, 600_000),
        metricFailures: count(1, 1_000_000_000),
        operatorMs: count(1, 600_000),
        eventBytes: count(100, 16_777_216),
      },
    },
    network: {
      type: 'object',
      additionalProperties: false,
      properties: { allowPrivateAddresses: { type: 'boolean' } },
    },
    http: {
      type: 'object',
      additionalProperties: false,
      properties: {
        host: { type: 'string', minLength: 1 },
        port: count(0, 65_535),
        apiKey: { type: 'string', minLength: 1 },
      },
    },
  },
} as const;

const validate = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true }).compile<WorkspaceConfig>(
  configSchema,
);

/** Limits with their defaults. */
export function limitsOf(config: WorkspaceConfig): Required<NonNullable<WorkspaceConfig['limits']>> {
  return {
    metricMs: 10_000,
    loadMs: 10_000,
    memoryMb: 1024,
    workers: defaultWorkers(),
    deliveryMs: 10_000,
    metricFailures: 100,
    operatorMs: 5000,
    eventBytes: 32_768,
    ...config.limits,
  };
}

function withEnvironment(
  value: unknown,
  pointer: string,
  place: string,
  environment: Readonly<Record<string, string | undefined>>,
  depth = 0,
): unknown {
  if (depth > 50) throw new EngineError('RAPPORT_CONFIG_DEPTH', `${place}${pointer} nests deeper than 50 levels.`);
  if (Array.isArray(value))
    return value.map((item, i) => withEnvironment(item, `${pointer}/${String(i)}`, place, environment, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === '$env') {
    const name: unknown = entries[0][1];
    if (typeof name !== 'string' || name === '')
      throw new EngineError(
        'RAPPORT_CONFIG_ENV',
        `${place}${pointer}/$env must be the name of an environment variable.`,
      );
    const found = environment[name];
    if (found === undefined || found === '') {
      throw new EngineError(
        'RAPPORT_CONFIG_ENV_MISSING',
        `${place}${pointer} asks for the environment variable ${name}, which is not set. Set it, or write the value in its place.`,
      );
    }
    return found;
  }
  return Object.fromEntries(
    entries.map(([key, item]) => [
      key,
      withEnvironment(item, `${pointer}/${pointerToken(key)}`, place, environment, depth + 1),
    ]),
  );
}

/**
 * Validates a workspace configuration and replaces `{ "$env": "NAME" }` by that variable's value.
 *
 * Throws `RAPPORT_CONFIG_UNKNOWN_KEY`, `RAPPORT_CONFIG_INVALID`, `RAPPORT_CONFIG_PROFILE`, `RAPPORT_CONFIG_GOAL`, `RAPPORT_CONFIG_TIME_ZONE`, `RAPPORT_CONFIG_ENV`, `RAPPORT_CONFIG_ENV_MISSING`, each with the
 * JSON Pointer of the place. No value of the configuration is repeated in a message.
 *
 * @param file shown before the pointer in messages, e.g. `rapport.json#`
 */
export function checkConfig(
  raw: unknown,
  file = 'rapport.json',
  environment: Readonly<Record<string, string | undefined>> = process.env,
): WorkspaceConfig {
  const place = `${file}#`;
  const config = withEnvironment(raw, '', place, environment);
  if (!validate(config)) {
    const [problem] = problemsOf(validate.errors ?? [], 'RAPPORT_CONFIG_INVALID');
    const unknown = problem?.message.includes('is not a known key') ?? false;
    throw new EngineError(
      unknown ? 'RAPPORT_CONFIG_UNKNOWN_KEY' : 'RAPPORT_CONFIG_INVALID',
      `${place}${problem?.pointer ?? ''}: ${problem?.message ?? 'is not valid.'}`,
    );
  }
  for (const [profile, classes] of Object.entries(config.profiles ?? {})) {
    const [problem] = checkProfile(classes);
    if (problem)
      throw new EngineError(
        'RAPPORT_CONFIG_PROFILE',
        `${place}/profiles/${profile}${problem.pointer}: ${problem.message} (${problem.code})`,
      );
  }
  const goal = goalProblem(config.goals ?? []);
  if (goal) throw new EngineError('RAPPORT_CONFIG_GOAL', `${place}/goals${goal.pointer}: ${goal.message}`);
  if (config.timeZone !== undefined && !isZone(config.timeZone)) {
    throw new EngineError(
      'RAPPORT_CONFIG_TIME_ZONE',
      `${place}/timeZone: "${config.timeZone}" is not an IANA time zone; write one such as "UTC" or "Europe/Berlin".`,
    );
  }
  return config;
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads and validates `rapport.json`. Throws `RAPPORT_CONFIG_NOT_FOUND`, `RAPPORT_CONFIG_JSON` (with line and column), and what `checkConfig` throws.
 */
export async function readConfig(path: string): Promise<WorkspaceConfig> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new EngineError(
      'RAPPORT_CONFIG_NOT_FOUND',
      `${path} cannot be read (${messageOf(error)}). Run "rapport init" to write one.`,
    );
  });
  let raw: unknown;
  try {
    raw = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new EngineError('RAPPORT_CONFIG_JSON', `${path} is not JSON${placeOf(error, text)}.`);
  }
  return checkConfig(raw, path);
}

/** Where JSON.parse stopped. Its own message is not shown, as it quotes the text around the place, which may hold a secret. */
function placeOf(error: unknown, text: string): string {
  const message = messageOf(error);
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined && !message.includes('end of JSON')) return '';
  const at = position === undefined ? text.length : Number(position);
  const before = text.slice(0, at).split('\n');
  return `: line ${String(before.length)}, column ${String((before.at(-1) ?? '').length + 1)}`;
}

/** `rapport.json`, validated. `{ "$env": "NAME" }` may stand wherever a text may, and is replaced by that environment variable. */
export interface WorkspaceConfig extends PluginSettings {
  readonly $schema?: string;
  readonly workspace: string;
  /** IANA time zone; default `UTC`. */
  readonly timeZone?: string;
  /** `duckdb:<path relative to rapport.json>` (default `duckdb:rapport.duckdb`) or a `mongodb://…` URI with a database name. */
  readonly store?: string;
  readonly accounts?: 'groups' | 'users';
  /** Accounts that belong to accounts: the trait that holds the parent's id. Parents are then evaluated with their descendants too. */
  readonly hierarchy?: { readonly parent: string };
  /** For which metrics `previous`, `change`, `changeRate` and `slope` are computed in every run; default: those that rules ask for. */
  readonly trends?: {
    readonly metrics?: 'all' | readonly string[];
    /** Days that `slope` looks at; default 30. */
    readonly slopeDays?: number;
  };
  readonly rules?: {
    /** Share of all subjects that a publish may move without a second person's approval, 0–1; default 0.2. */
    readonly approvalShare?: number;
  };
  /** How long runs with their results and transitions, and deliveries that are over, are kept; default all of 30 days, then month ends. */
  readonly retention?: Partial<RetentionPolicy>;
  /** Where metrics should be, and by when. */
  readonly goals?: readonly Goal[];
  readonly limits?: {
    /** Wall clock that one metric may take for all subjects of a run, ms; default 10000. */
    readonly metricMs?: number;
    /** Wall clock for loading all plugin code, ms; default 10000 per plugin. */
    readonly loadMs?: number;
    /** What one thread of plugins may hold, heap and array buffers, MiB; default 1024. */
    readonly memoryMb?: number;
    /** Threads that compute metrics at the same time; default one per core, at most four. */
    readonly workers?: number;
    /** Time an action has for one delivery, ms; default 10000. */
    readonly deliveryMs?: number;
    /** Consecutive failed subjects after which a metric is switched off for the run; default 100. */
    readonly metricFailures?: number;
    /** Wall clock that one operator of a plugin may take for 50,000 facts, ms; default 5000. */
    readonly operatorMs?: number;
    /** Largest event in bytes of JSON; default 32768. */
    readonly eventBytes?: number;
  };
  readonly network?: {
    /** Let actions call loopback, private and link-local addresses. Default false. */
    readonly allowPrivateAddresses?: boolean;
  };
  readonly http?: { readonly host?: string; readonly port?: number; readonly apiKey?: string };
}
