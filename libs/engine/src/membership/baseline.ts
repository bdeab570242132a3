import { zone } from '@rapport/sdk/time';
import type { DefinitionChange, ManifestSettings, RunManifest, Snapshot } from '@rapport/store';
import { EngineError, inOrder, trying, verdictsOf, type LoadedDocument, type LoadedPlugin } from '@rapport/plugin-host';
import { changesSince, definitionKeyOf, type Definitions } from './definition.js';
import { factTables, metricsRead } from './fact-tables.js';
import { moveAll, type Members } from './move-all.js';
import type { RunSetting } from './setting.js';
import type { Move } from './transitions.js';
import { whatIf, type OtherSettings } from './what-if.js';

/*
 * A membership may change because the customer did something, or because we changed what decides it. Where a definition is not the one that the run
 * before used, both are evaluated on the same data, from the same members. What the former one would have done as well is the customer's doing and
 * starts playbooks; everything else is a baseline. A former definition that cannot be evaluated any more (a plugin's code of another version) makes all
 * of the step a baseline.
 */

export type Changes = ReadonlyMap<string, DefinitionChange>;

/**
 * Marks the moves that we made as baselines.
 *
 * @param moves what today's definitions do
 * @param former what the definitions of the run before do on the same data, of those that could be evaluated
 */
export function withBaselines(moves: readonly Move[], changes: Changes, former: readonly Move[]): readonly Move[] {
  if (changes.size === 0) return moves;
  const keyOf = ({ segment, kind, subject, change }: Move) => JSON.stringify([segment, kind, subject, change]);
  const theirs = new Set(former.map(keyOf));
  return moves.map((move) => {
    const change = changes.get(definitionKeyOf(move.segment));
    if (!change || move.baseline || (change.compared && theirs.has(keyOf(move)))) return move;
    return { ...move, baseline: true, baselineReason: change.reason, baselineText: change.text };
  });
}

/**
 * The definitions that changed since the run before, and what the former ones do on today's data.
 *
 * @param before record of the latest run; null when there is none
 */
export async function sinceLastRun(
  setting: RunSetting,
  before: RunManifest | null,
  now: Definitions & Pick<RunManifest, 'documents' | 'settings'>,
  members: Members,
  snapshot: Snapshot,
  asOf: number,
): Promise<{ readonly changes: Changes; readonly former: readonly Move[] }> {
  const changed = changesSince(before, now);
  const comparable = before ? [...changed.keys()].filter((key) => canBeEvaluated(key, before, now)) : [];
  const moves =
    before && comparable.length > 0
      ? await formerMoves(setting, before, now, comparable, members, snapshot, asOf)
      : null;
  return {
    changes: new Map(
      [...changed].map(([key, change]) => [key, { ...change, compared: moves !== null && comparable.includes(key) }]),
    ),
    former: moves ?? [],
  };
}

/** What stands for a secret in a configuration that is kept. */
const HIDDEN = '•••';
/** Inputs that can be had as they were. All others must be as they were. */
const KEPT = /^(?:document|config|profile)\/|^(?:signupTrait|slopeDays)$/;

/** Whether a definition of the run before can be evaluated with today's code. */
function canBeEvaluated(key: string, before: RunManifest, now: Definitions): boolean {
  const reads = before.definitions[key]?.reads ?? [];
  return (
    reads.length > 0 &&
    reads.every((input) => {
      if (before.inputs[input] === now.inputs[input]) return true;
      if (!KEPT.test(input)) return false;
      const [kind, ...name] = input.split('/');
      if (kind === 'document') return (before.documents[name.join('/')]?.document ?? null) !== null;
      if (kind === 'config') return !JSON.stringify(before.metrics[name.join('/')]?.config ?? HIDDEN).includes(HIDDEN);
      return true;
    })
  );
}

/** Null when a metric does not take its former configuration any more. */
async function formerMoves(
  setting: RunSetting,
  before: RunManifest,
  now: Definitions & Pick<RunManifest, 'settings'>,
  keys: readonly string[],
  members: Members,
  snapshot: Snapshot,
  asOf: number,
): Promise<readonly Move[] | null> {
  const reads = new Set(keys.flatMap((key) => before.definitions[key]?.reads ?? []));
  const documents = formerDocuments(before, reads);
  // Strikes count for what is in force.
  const apart = trying({ ...setting, strikes: new Map(setting.strikes) });
  try {
    return await whatIf(apart, settingsThatDiffer(before, now, reads), async (former) => {
      const code = former.plugins.filter(({ kind }) => kind === 'metric' || kind === 'operator');
      const plugins: readonly LoadedPlugin[] = [...code, ...documents];
      const config = { ...former.config, trends: { ...former.config.trends, metrics: [] } };
      const its = { ...former, plugins, config, memory: new Map() };
      const kinds = [...new Set(documents.map(({ document }) => document.subject))];
      const metrics = metricsRead(documents, plugins);
      const readsPortfolio = code.some(
        (plugin) => plugin.kind === 'metric' && plugin.definition.usesPortfolio.length > 0,
      );
      const levels = [...kinds.map((kind) => ({ kind })), ...(readsPortfolio ? [{ kind: 'portfolio' } as const] : [])];
      const { tables, failures } = await factTables(its, snapshot, asOf, levels, { metrics });
      const { moves } = await moveAll(
        plugins,
        tables,
        members,
        { at: asOf, zone: zone(its.store.zone) },
        verdictsOf(its),
        { described: 0, failures },
      );
      return moves;
    });
  } catch (error) {
    if (error instanceof EngineError && error.code === 'RAPPORT_EVALUATE_CONFIG') return null;
    throw error;
  }
}

function settingsThatDiffer(
  before: RunManifest,
  now: Definitions & Pick<RunManifest, 'settings'>,
  reads: ReadonlySet<string>,
): OtherSettings {
  const differing = [...reads].filter((input) => before.inputs[input] !== now.inputs[input]);
  const configs = differing.flatMap((input) => {
    const id = input.startsWith('config/') ? input.slice('config/'.length) : null;
    const config = id === null ? undefined : before.metrics[id]?.config;
    return id !== null && config ? [[id, config] as const] : [];
  });
  const one = <K extends keyof ManifestSettings>(name: K, isDifferent: boolean) =>
    isDifferent ? { [name]: before.settings[name] } : {};
  return {
    ...(configs.length > 0 ? { configs: Object.fromEntries(configs) } : {}),
    ...one(
      'profiles',
      differing.some((input) => input.startsWith('profile/')),
    ),
    ...one('signupTrait', differing.includes('signupTrait')),
    ...one('slopeDays', differing.includes('slopeDays')),
  };
}

/** The documents that these inputs name, as they were, in the order of their dependencies. */
function formerDocuments(before: RunManifest, reads: ReadonlySet<string>): readonly LoadedDocument[] {
  const names = [...reads].flatMap((input) => (input.startsWith('document/') ? [input.slice('document/'.length)] : []));
  const definitionOf = (name: string) => {
    const [kind, id = ''] = name.split('/');
    return before.definitions[kind === 'playbook' ? `playbook.${id}` : id];
  };
  const dependencies = (name: string) =>
    (definitionOf(name)?.reads ?? []).flatMap((input) =>
      input.startsWith('document/') && input !== `document/${name}` ? [input.slice('document/'.length)] : [],
    );
  return inOrder(names.sort(), dependencies).flatMap((name): LoadedDocument[] => {
    const record = before.documents[name];
    if (!record?.document) return [];
    const { document, version, hash } = record;
    const { id } = document;
    const about = { name, version, dir: '', config: {}, configHash: hash };
    return document.kind === 'segment'
      ? [{ ...about, kind: 'segment', manifest: { kind: 'segment', id, sdk: '*' }, document }]
      : [{ ...about, kind: 'playbook', manifest: { kind: 'playbook', id, sdk: '*' }, document, enabled: false }];
  });
}
