import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from './engine.js';
import { memoryStore } from '@rapport/store-testkit';
import type { WorkspaceConfig } from './config.js';
import type { Engine, EngineOptions } from './engine.js';
import { type Clock } from '@rapport/playbooks';

export interface PackageFiles {
  readonly version?: string;
  readonly sdk?: unknown;
  readonly requires?: Readonly<Record<string, string>>;
  /** Body of index.js. */
  readonly code: string;
  /** More of package.json. */
  readonly json?: Readonly<Record<string, unknown>>;
}

/** A folder of plugin packages in plain JavaScript, written for one test. */
export interface PluginFolder {
  readonly root: string;
  /** Writes a package named `@test/<kind>-<id>` (or `as`) and returns its name. */
  readonly add: (kind: string, id: string, files: PackageFiles, as?: string) => string;
  remove(): void;
}

export function pluginFolder(): PluginFolder {
  const root = mkdtempSync(join(tmpdir(), 'rapport-plugins-'));
  return {
    root,
    add(kind, id, { version = '1.0.0', sdk = '^2.0.0', requires, code, json }, as = `@test/${kind}-${id}`) {
      const dir = join(root, 'node_modules', as);
      mkdirSync(dir, { recursive: true });
      const manifest = { kind, id, sdk, ...(requires ? { requires } : {}) };
      writeFileSync(
        join(dir, 'package.json'),
        JSON.stringify({
          name: as,
          version,
          type: 'module',
          main: 'index.js',
          keywords: ['rapport-plugin'],
          rapport: manifest,
          ...json,
        }),
      );
      writeFileSync(join(dir, 'index.js'), code);
      return as;
    },
    remove() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Source of a metric that counts events of 30 days; `more` replaces members. */
export const metricCode = (id: string, more: Readonly<Record<string, string>> = {}, before = ''): string => {
  const members: Record<string, string> = {
    kind: `'metric'`,
    id: `'${id}'`,
    title: `'${id}'`,
    description: `'Events of 30 days.'`,
    source: `'test'`,
    unit: `'count'`,
    range: '[0, null]',
    subjects: `['account']`,
    config: `{ type: 'object', properties: {} }`,
    parts: '{}',
    measures: `() => ({ events: { node: 'count', filter: {}, window: { kind: 'last', days: 30 } } })`,
    compute: '({ events }) => ({ value: events })',
    ...more,
  };
  return `${before}\nexport default { ${Object.entries(members)
    .map(([name, value]) => `${name}: ${value}`)
    .join(',\n')} };\n`;
};
export const segmentCode = (id: string, document: object): string =>
  `const document = ${JSON.stringify({ kind: 'segment', id, title: id, subject: 'account', ...document })};\nexport default { kind: 'segment', id: document.id, document };\n`;
export const playbookCode = (id: string, document: object): string =>
  `const document = ${JSON.stringify({ kind: 'playbook', id, title: id, subject: 'account', ...document })};\nexport default { kind: 'playbook', id: document.id, document };\n`;
export const actionCode = (id: string, more: Readonly<Record<string, string>> = {}): string => {
  const members: Record<string, string> = {
    kind: `'action'`,
    id: `'${id}'`,
    title: `'${id}'`,
    description: `'Test.'`,
    config: `{ type: 'object', required: ['url'], properties: { url: { type: 'string' }, secret: { type: 'string', secret: true } } }`,
    input: `{ type: 'object', properties: { note: { type: 'string', default: 'none' } } }`,
    deliver: 'async () => ({ delivered: true })',
    ...more,
  };
  return `export default { ${Object.entries(members)
    .map(([name, value]) => `${name}: ${value}`)
    .join(',\n')} };\n`;
};

/** Source of an operator that asks how a text ends; `more` replaces members. */
export const operatorCode = (id: string, more: Readonly<Record<string, string>> = {}, before = ''): string => {
  const members: Record<string, string> = {
    kind: `'operator'`,
    id: `'${id}'`,
    title: `'${id}'`,
    description: `'The text ends with this.'`,
    reading: `'text'`,
    value: `{ type: 'string', minLength: 1 }`,
    words: `['ends with', 'does not end with']`,
    examples: `[{ fact: 'team-2026', value: '-2026', holds: true }, { fact: 'team', value: '-2026', holds: false }]`,
    test: '(fact, value) => fact.endsWith(value)',
    ...more,
  };
  return `${before}\nexport default { ${Object.entries(members)
    .map(([name, value]) => `${name}: ${value}`)
    .join(',\n')} };\n`;
};

/** 2026-06-01T00:00:00Z. */
export const JUNE = Date.UTC(2026, 5, 1);
export const DAY = 86_400_000;
/** A clock that stands until it is set. */
export const standingClock = (now = JUNE): Clock & { set(instant: number): void } => ({
  now: () => now,
  set(instant) {
    now = instant;
  },
});

export async function engineOver(
  folder: PluginFolder,
  config: Partial<WorkspaceConfig> = {},
  more: Partial<Pick<EngineOptions, 'store' | 'clock' | 'documents' | 'ignored'>> = {},
): Promise<Engine> {
  return createEngine({
    config: { workspace: 'test', ...config },
    store: more.store ?? memoryStore({ zone: 'UTC' }),
    pluginRoots: [folder.root],
    clock: more.clock ?? standingClock(),
    documents: more.documents ?? [],
    ignored: more.ignored ?? [],
  });
}

/** One event. */
export const track = (
  account: string,
  time: number,
  more: { readonly event?: string; readonly properties?: object } = {},
) => ({
  type: 'track',
  messageId: `${account} ${String(time)} ${more.event ?? ''}`,
  timestamp: new Date(time).toISOString(),
  userId: `user of ${account}`,
  context: { groupId: account },
  event: 'Feature Used',
  ...more,
});
export const group = (account: string, time: number, traits: Readonly<Record<string, unknown>>) => ({
  type: 'group',
  messageId: `group ${account} ${String(time)} ${JSON.stringify(traits)}`,
  timestamp: new Date(time).toISOString(),
  groupId: account,
  traits,
});
