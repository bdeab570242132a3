import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { watch } from 'chokidar';
import { describeAsOf } from '../as-of.js';
import { buildOnce, buildOnChange, isBuilt, type Diagnostics } from '../dev/build.js';
import { openSample, type Sample } from '../dev/sample.js';
import { show, type Shown } from '../dev/show.js';
import { exit, RapportError } from '@rapport/errors';
import { failureReport } from '../failure.js';
import { count, elapsed } from '../table.js';
import type { Outcome, Session } from './outcome.js';
import { interrupted } from './serve.js';

export interface DevOptions {
  readonly once: boolean;
  readonly sample?: string;
  readonly asOf?: string;
  readonly subject?: readonly string[];
}

/** What one look at the plugin found. */
interface Round extends Omit<Shown, 'asOf'> {
  /** Null where the workspace could not be opened. */
  readonly asOf: number | null;
  readonly zone: string;
}

/**
 * Shows what a plugin under development makes of its sample, again whenever a file changes: the values, verdicts, deliveries that changed, or what is
 * wrong. With `--once` it looks once, and ends with 4 when something is wrong.
 */
export async function dev(session: Session, given: string, options: DevOptions): Promise<Outcome> {
  const { io } = session;
  const plugin = pluginAt(resolve(io.cwd, given));
  const scratch = mkdtempSync(join(tmpdir(), 'rapport-dev-'));
  const sample: Sample = { dir: options.sample === undefined ? join(plugin.dir, 'sample') : resolve(io.cwd, options.sample), scratch }; // prettier-ignore
  const look = async (): Promise<Round> => {
    try {
      const { workspace, refused } = await openSample(sample, plugin.dir, io.signal);
      try {
        const { asOf: given, subject: subjects = [] } = options;
        const asked = { ...plugin, asOf: given, subjects, now: io.now(), signal: io.signal };
        const { rows, problems, asOf } = await show(workspace.engine, asked);
        return { rows, problems: [...refused, ...problems], asOf, zone: workspace.engine.store.zone };
      } finally {
        await workspace.close();
      }
    } catch (error) {
      const { code, message } = failureReport(error);
      return { rows: [], problems: [`${code}: ${message}`], asOf: null, zone: 'UTC' };
    }
  };
  try {
    return options.once ? await lookOnce(session, plugin, look) : await lookOnChange(session, plugin, sample, look);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface PluginAt {
  readonly dir: string;
  readonly name: string;
}
/** Throws `RAPPORT_DEV_PLUGIN` for a folder that has no plugin. */
function pluginAt(dir: string): PluginAt {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  } catch {
    json = null;
  }
  if (typeof json === 'object' && json !== null && 'rapport' in json && 'name' in json)
    return { dir: realpathSync(dir), name: String(json.name) };
  throw new RapportError(
    'RAPPORT_DEV_PLUGIN',
    `${dir} has no plugin: there is no package.json with a "rapport" section. Name the folder of one, or write one with "rapport plugin new".`,
  );
}

async function lookOnce(session: Session, plugin: PluginAt, look: () => Promise<Round>): Promise<Outcome> {
  const found = isBuilt(plugin.dir) ? await buildOnce(plugin.dir, session.io.signal) : [];
  const round = found.length > 0 ? null : await look();
  const problems = round?.problems ?? found;
  return {
    json: {
      plugin: plugin.name,
      asOf: iso(round?.asOf ?? null),
      rows: round?.rows ?? [],
      problems,
    },
    text: written(round?.rows ?? [], problems, round),
    exitCode: problems.length === 0 ? exit.ok : exit.refused,
  };
}

async function lookOnChange(
  session: Session,
  plugin: PluginAt,
  sample: Sample,
  look: () => Promise<Round>,
): Promise<Outcome> {
  const { io } = session;
  const print = (text: string) => {
    if (!session.json) io.stdout.write(`${text}\n\n`);
  };
  const over = () => io.signal.aborted;
  const shown: Round[] = [];
  let rounds = 0;
  let wanted = false;
  let running: Promise<void> = Promise.resolve();
  const again = () => {
    if (wanted) return;
    wanted = true;
    running = running.then(async () => {
      // An editor saves several files at once.
      await new Promise((done) => setTimeout(done, SETTLE_MS));
      wanted = false;
      if (over()) return;
      const started = performance.now();
      const round = await look();
      if (over()) return;
      rounds++;
      const [before] = shown;
      print(before ? changes(before, round, performance.now() - started) : written(round.rows, round.problems, round));
      // What is broken hides no value from the next comparison.
      if (round.rows.length > 0) shown.splice(0, 1, round);
    });
  };
  const built = isBuilt(plugin.dir);
  const builder = built
    ? buildOnChange(plugin.dir, (found: Diagnostics) => {
        if (found.length === 0) again();
        else print(`${written([], found, null)}\nThe plugin is as it was before.`);
      })
    : null;
  const ignored = (path: string) => path.includes(`${sep}node_modules`) || path.includes(`${sep}.git`);
  const own = built ? [join(plugin.dir, 'package.json')] : [plugin.dir];
  const watcher = watch([...own, sample.dir], { ignoreInitial: true, ignored }).on('all', again);
  try {
    session.say(
      `Watching ${relative(io.cwd, plugin.dir) || '.'} (${plugin.name}), with ${existsSync(sample.dir) ? relative(io.cwd, sample.dir) || '.' : 'a simulated company, as there is no sample/'}. Ctrl-C ends it.`,
    );
    if (!builder) again();
    await Promise.race([interrupted(io.signal), ...(builder ? [builder.ended] : [])]);
  } finally {
    builder?.stop();
    await watcher.close();
    await running;
  }
  return { json: { plugin: plugin.name, rounds }, text: 'Stopped.', exitCode: exit.ok };
}

const SETTLE_MS = 50;
const iso = (instant: number | null) => (instant === null ? null : new Date(instant).toISOString());

function written(rows: Round['rows'], problems: readonly string[], round: Round | null): string {
  const instant = round?.asOf ?? null;
  const asOf = instant === null ? [] : [`As of ${describeAsOf(instant, round?.zone ?? 'UTC')}:`];
  const nothing =
    rows.length === 0 && problems.length === 0 ? ['  nothing to show: the sample has no such subject'] : [];
  return [...problems, ...asOf, ...rows.map(({ about, shows }) => `  ${about}: ${shows}`), ...nothing].join('\n');
}

/** Only what differs from the last round. */
function changes(before: Round, now: Round, ms: number): string {
  const old = new Map(before.rows.map(({ about, shows }) => [about, shows]));
  const known = new Set(now.rows.map(({ about }) => about));
  const broken = now.rows.length === 0 && now.problems.length > 0;
  const lines = broken
    ? []
    : [
        ...now.rows.flatMap(({ about, shows }) => {
          const was = old.get(about);
          return was === shows ? [] : [`  ${about}: ${was === undefined ? '' : `${was}  →  `}${shows}`];
        }),
        ...before.rows.filter(({ about }) => !known.has(about)).map(({ about }) => `  ${about}: gone`),
      ];
  const summary = broken
    ? 'Nothing can be shown until that is put right.'
    : `${count(lines.length)} of ${count(now.rows.length)} changed, in ${elapsed(ms)}:`;
  return [...now.problems, summary.replace(/^0 of/, 'None of').replace(/:$/, lines.length > 0 ? ':' : '.'), ...lines].join('\n'); // prettier-ignore
}
