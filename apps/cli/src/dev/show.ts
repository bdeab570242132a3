import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { documentsAmong, entryOf, type Engine, type LoadedDocument, type LoadedPlugin } from '@rapport/engine';
import type { Delivery, SubjectKind } from '@rapport/sdk';
import { valueAt, type ResultFrame } from '@rapport/store';
import { asOfInstant } from '../as-of.js';
import { quantity } from '../table.js';
import { dryRun, type Tried } from './dry-run.js';

/** One thing that a plugin makes of the sample: `account acme` and `3, n 3, users 2`. */
export interface Row {
  readonly about: string;
  readonly shows: string;
}
export interface Shown {
  readonly rows: readonly Row[];
  /** What keeps a value from being computed, or the plugin from being loaded: a code and a sentence with the place. */
  readonly problems: readonly string[];
  /** Epoch ms. */
  readonly asOf: number;
}
export interface ShowOptions {
  readonly dir: string;
  readonly name: string;
  /** As `--as-of`; default: the end of the last day that has an event, or of today where there is none. */
  readonly asOf: string | undefined;
  /** Epoch ms. */
  readonly now: number;
  /** Ids of accounts and users to show; default: the first few of each. */
  readonly subjects: readonly string[];
  readonly signal: AbortSignal;
}

/** Subjects to show per kind where none is named. */
const FEW = 5;
/** Deliveries to show per playbook. */
const DELIVERIES = 20;

/** What a plugin makes of a sample: values of a metric, verdicts of segments and playbooks, deliveries, and what an action would send. */
export async function show(engine: Engine, options: ShowOptions): Promise<Shown> {
  const zone = engine.store.zone;
  const { to } = await engine.stats();
  const day = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(to ?? options.now);
  const asOf = asOfInstant(options.asOf ?? day, zone);
  const plugin = engine.plugins.find(({ dir }) => realpathSync(dir) === options.dir);
  // A refused document of the sample is named by its file, every plugin by its package.
  const refused = engine.refused.filter(({ name }) => name === options.name || name.startsWith('rules/'));
  const problems = refused.map(({ code, message }) => `${code}: ${message}`);
  if (!plugin) return { rows: [], problems, asOf };

  const rows: Row[] = [];
  if (plugin.kind === 'metric') {
    const { subjects } = plugin.definition;
    const evaluation = await engine.evaluate({
      asOf,
      metrics: [plugin.manifest.id],
      levels: subjects.map((kind) => ({ kind })),
    });
    for (const kind of ['portfolio', 'account', 'user'] as const) {
      const frame = evaluation.frames.find(({ level }) => level.kind === kind && !('by' in level));
      if (frame) rows.push(...metricRows(plugin, kind, frame, options.subjects));
    }
    problems.push(
      ...evaluation.failures.map(
        ({ metric, subjects, code, message }) =>
          `${code}: ${metric} failed for ${String(subjects)} subjects: ${message}`,
      ),
    );
  }
  const shown = documentsAmong(engine.plugins).filter(
    (document) => document === plugin || document.name.startsWith('rules/'),
  );
  for (const document of shown) rows.push(...(await documentRows(engine, document, plugin, asOf, options)));
  return { rows, problems, asOf };
}

type Metric = Extract<LoadedPlugin, { kind: 'metric' }>;

function metricRows(
  { definition: { id, unit, parts } }: Metric,
  kind: SubjectKind,
  frame: ResultFrame,
  wanted: readonly string[],
): readonly Row[] {
  const cell = (name: string, i: number): unknown => {
    const column = Object.hasOwn(frame.columns, name) ? frame.columns[name] : undefined;
    const value = column ? valueAt(column, i) : null;
    return value instanceof Map ? Object.fromEntries(value) : value;
  };
  return pick(kind === 'portfolio' ? [''] : frame.subjects, wanted).map((subject) => {
    const i = frame.subjects.indexOf(subject);
    const value = cell(id, i);
    const told = [
      typeof value === 'number' ? quantity(value, unit) : `none (${String(cell(`${id}.reason`, i))})`,
      ...['n', ...Object.keys(parts)].flatMap((name) => {
        const part = cell(`${id}.${name}`, i);
        return part === null ? [] : [`${name} ${typeof part === 'string' ? part : JSON.stringify(part)}`];
      }),
    ];
    return { about: `${kind} ${subject}`.trim(), shows: told.join(', ') };
  });
}

function pick(subjects: readonly string[], wanted: readonly string[]): readonly string[] {
  if (subjects.length === 1 && subjects[0] === '') return subjects;
  return wanted.length === 0 ? [...subjects].sort().slice(0, FEW) : wanted.filter((id) => subjects.includes(id));
}

async function documentRows(
  engine: Engine,
  { document }: LoadedDocument,
  plugin: LoadedPlugin,
  asOf: number,
  options: ShowOptions,
): Promise<readonly Row[]> {
  const { id, kind, subject } = document;
  const evaluation = await engine.evaluate({ asOf, metrics: [], levels: [{ kind: subject }] });
  const subjects = pick(evaluation.frames[0]?.subjects ?? [], options.subjects);
  const rows: Row[] = [];
  for (const each of subjects) {
    const { placement, conditions } = await engine.rules.explain(document, { subject: each, asOf });
    const decisive = conditions.find(({ verdict }) => verdict === 'true') ?? conditions[0];
    if (!decisive) continue;
    const said = placement ?? { true: 'begins', false: 'does not begin', unknown: 'unknown' }[decisive.verdict];
    const nearest = decisive.nearest === null ? '' : `; ${decisive.nearest}`;
    rows.push({ about: `${kind} ${id}, ${subject} ${each}`, shows: `${said}: ${decisive.text}${nearest}` });
  }
  if (document.kind === 'segment') return rows;

  const { playbooks } = await engine.rules.preview(document, { asOf, samples: DELIVERIES });
  const sample = playbooks.find(({ playbook }) => playbook === id)?.sample ?? [];
  const deliveries = sample.map(({ subject: of, step, action, input, reason }) => ({
    action,
    delivery: {
      key: `sample ${id} ${step} ${of}`,
      attempt: 1,
      playbook: { id, version: '0.0.0' },
      step,
      subject: { kind: subject, id: of },
      transition: {
        segment: `playbook.${id}`,
        change: 'enter',
        at: new Date(asOf).toISOString(),
        reason,
        facts: {},
      },
      input,
    } satisfies Delivery,
  }));
  const tried = plugin.kind === 'action' ? await tryAction(engine, plugin, deliveries, asOf, options) : null;
  for (const { action, delivery } of deliveries) {
    const about = `playbook ${id}, step ${delivery.step}, ${subject} ${delivery.subject.id}`;
    rows.push({ about, shows: `${action} ${JSON.stringify(delivery.input)}` });
    if (plugin.kind === 'action' && action === plugin.manifest.id)
      rows.push({ about: `${about}, dry run`, shows: tried?.get(delivery.key) ?? 'no answer within 10 s' });
  }
  return rows;
}

/** What an action would send, in words, by the delivery's key. */
async function tryAction(
  engine: Engine,
  plugin: Extract<LoadedPlugin, { kind: 'action' }>,
  deliveries: readonly { readonly action: string; readonly delivery: Delivery }[],
  asOf: number,
  { signal }: ShowOptions,
): Promise<ReadonlyMap<string, string>> {
  const own = deliveries.filter(({ action }) => action === plugin.manifest.id).map(({ delivery }) => delivery);
  if (!plugin.configured)
    return new Map(own.map(({ key }) => [key, `not configured: "actions": { "${plugin.manifest.id}": … } in sample/rapport.json`])); // prettier-ignore
  const json = JSON.parse(readFileSync(join(plugin.dir, 'package.json'), 'utf8')) as Record<string, unknown>;
  const entry = entryOf(plugin.dir, json, false);
  if (entry === null || own.length === 0) return new Map();
  const secrets: string[] = [];
  const config = unmasked(plugin.config, engine.config.actions?.[plugin.manifest.id], secrets);
  const tried = await dryRun(
    { entry: pathToFileURL(entry).href, config: config as Record<string, unknown>, deliveries: own, now: asOf },
    signal,
  );
  const scrub = (text: string) => secrets.reduce((left, secret) => left.replaceAll(secret, MASK), text);
  return new Map(tried.map((one) => [one.key, scrub(told(one))]));
}

const told = ({ requests, outcome }: Tried): string =>
  [
    ...requests.map(({ method, url, headers, body }) => `${method} ${url} ${JSON.stringify(headers)} ${body}`),
    outcome,
  ].join(' → ');

const MASK = '•••';
/** A configuration as the plugin gets it: what is shown, with defaults, and the secrets as they were given. */
function unmasked(shown: unknown, given: unknown, secrets: string[]): unknown {
  if (shown === MASK) {
    if (typeof given === 'string' && given !== '') secrets.push(given);
    return given;
  }
  if (typeof shown !== 'object' || shown === null) return shown;
  const inner = (key: string) => (typeof given === 'object' && given !== null ? Reflect.get(given, key) : undefined) as unknown; // prettier-ignore
  const entries = Object.entries(shown).map(([key, value]) => [key, unmasked(value, inner(key), secrets)] as const);
  return Array.isArray(shown) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}
