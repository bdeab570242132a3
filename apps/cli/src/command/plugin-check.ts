import { resolve } from 'node:path';
import { exit } from '@rapport/errors';
import { checkPlugins, type CheckedPlugin } from '../plugin-check/check.js';
import { count } from '../table.js';
import type { Outcome, Session } from './outcome.js';

export interface PluginCheckOptions {
  readonly runs: number;
}

/** How long one metric may take in random worlds. */
const PATIENCE_MS = 120_000;

/** Looks plugin packages over; ends with 4 when there is something to put right. */
export async function checkPlugin(
  session: Session,
  dirs: readonly string[],
  { runs }: PluginCheckOptions,
): Promise<Outcome> {
  const { io } = session;
  const plugins = await checkPlugins(
    dirs.map((dir) => resolve(io.cwd, dir)),
    { runs, embedded: true, patienceMs: PATIENCE_MS, signal: io.signal, tell: (sentence) => session.say(sentence) },
  );
  const findings = plugins.reduce((sum, plugin) => sum + plugin.findings.length, 0);
  return {
    json: { findings, plugins },
    text: plugins.map(written).join('\n\n'),
    exitCode: findings === 0 ? exit.ok : exit.refused,
  };
}

function written({ dir, name, kind, id, version, findings }: CheckedPlugin): string {
  const head = `${name ?? dir} (${kind ?? 'no kind'} ${id ?? 'without id'}, ${version ?? 'no version'})`;
  if (findings.length === 0) return `${head}: nothing found.`;
  return [
    `${head}: ${findings.length === 1 ? '1 finding' : `${count(findings.length)} findings`}`,
    ...findings.map(({ code, place, message }) => `  ${code}  ${place}\n    ${message.replaceAll('\n', '\n    ')}`),
  ].join('\n');
}
