import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '@rapport/engine';
import type { Workspace } from '@rapport/host';
import { openWorkspace } from '@rapport/host';
import { exit, type ExitCode } from '@rapport/errors';
import { failureReport } from '../failure.js';
import { staleSources } from '../plugin-check/stale.js';
import { count, table } from '../table.js';
import { locateWorkspace, requireWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export interface Check {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'fault';
  readonly detail: string;
  readonly code?: string;
}

/** Subjects of whom the rules are put to json-rules-engine. */
const VERIFIED = 50;

const LITTLE = 1024 ** 3;
const DAY = 86_400_000;

/** Looks at everything that must be right, and says of each whether it is; ends with the exit code of the first fault. */
export async function doctor(session: Session): Promise<Outcome> {
  const { io } = session;
  const checks: Check[] = [node()];
  let exitCode: ExitCode = exit.ok;
  let dir: string | null = null;
  let workspace: Workspace | null = null;
  try {
    dir = locateWorkspace(io, session.workspace) ?? requireWorkspace(io, session.workspace);
    checks.push({ check: 'workspace', state: 'ok', detail: dir }, disk(dir));
    workspace = await openWorkspace(dir);
    checks.push(...(await opened(workspace.engine, io.now())));
  } catch (error) {
    const { code, message, exitCode: ends } = failureReport(error);
    checks.push({
      check: dir === null ? 'workspace' : code.startsWith('RAPPORT_STORE') ? 'store' : 'configuration',
      state: 'fault',
      detail: message,
      code,
    });
    exitCode = ends;
  } finally {
    await workspace?.close();
  }
  const sign = { ok: 'ok', warning: 'look', fault: 'FAULT' };
  return {
    json: { healthy: exitCode === exit.ok, checks },
    text: table(
      ['', 'check', ''],
      checks.map(({ check, state, detail, code }) => [
        sign[state],
        check,
        code === undefined ? detail : `${code}: ${detail}`,
      ]),
    ),
    exitCode,
  };
}

function node(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return {
    check: 'node',
    state: fits ? 'ok' : 'warning',
    detail: fits ? process.versions.node : `${process.versions.node}; 20.19 or later is needed`,
  };
}

function disk(dir: string): Check {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  const detail = `${(free / LITTLE).toFixed(1)} GiB free`;
  return {
    check: 'disk',
    state: free < LITTLE ? 'warning' : 'ok',
    detail: free < LITTLE ? `${detail}: make room before the next import` : detail,
  };
}

async function opened(engine: Engine, now: number): Promise<Check[]> {
  const [stats, run, parked, pending] = await Promise.all([
    engine.stats(),
    engine.store.latestRun(),
    engine.deliveries({ state: 'parked', limit: 1000 }),
    engine.deliveries({ state: 'pending', limit: 1000 }),
  ]);
  const day = (instant: number) => new Date(instant).toISOString().slice(0, 10);
  const due = pending.filter(({ dueAt }) => dueAt <= now).length;
  const old = run !== null && now - run.committedAt > 2 * DAY;
  return [
    { check: 'configuration', state: 'ok', detail: `workspace "${engine.config.workspace}"` },
    { check: 'store', state: 'ok', detail: engine.store.location },
    { check: 'time zone', state: 'ok', detail: engine.store.zone },
    stats.from === null || stats.to === null
      ? { check: 'data', state: 'warning', detail: 'no event yet: rapport import' }
      : {
          check: 'data',
          state: 'ok',
          detail: `${count(stats.events)} events of ${count(stats.accounts)} accounts and ${count(stats.users)} users, ${day(stats.from)} to ${day(stats.to)}`,
        },
    { check: 'plugins', state: 'ok', detail: `${count(engine.plugins.length)} loaded` },
    ...engine.plugins.flatMap(({ name, dir }): Check[] => {
      const [file] = existsSync(join(dir, 'package.json')) ? staleSources(dir, packageAt(dir)) : [];
      if (file === undefined) return [];
      const detail = `${name} runs as it was built before ${file} was saved: build it, and restart what runs`;
      return [{ check: 'plugin', state: 'warning', detail, code: 'RAPPORT_CHECK_STALE' }];
    }),
    ...engine.refused.map(({ name, code, message }): Check => ({
      check: 'plugin',
      state: 'warning',
      detail: `${name} was refused: ${message}`,
      code,
    })),
    run === null
      ? { check: 'last run', state: 'warning', detail: 'none yet: rapport evaluate' }
      : {
          check: 'last run',
          state: old ? 'warning' : 'ok',
          detail: `${run.number}, as of ${new Date(run.asOf).toISOString()}, committed ${new Date(run.committedAt).toISOString()}`,
        },
    ...(run === null ? [] : [await verified(engine)]),
    {
      check: 'outbox',
      state: parked.length > 0 ? 'warning' : 'ok',
      detail: `${count(pending.length)} pending (${count(due)} due), ${count(parked.length)} parked`,
    },
  ];
}

/** Whether json-rules-engine says the same as the rules in force, of a few subjects. */
async function verified(engine: Engine): Promise<Check> {
  const check = 'json-rules-engine';
  try {
    const { documents, compared, differ } = await engine.rules.verify({ subjects: VERIFIED, timeoutMs: 20_000 });
    if (differ === 0) return { check, state: 'ok', detail: `${count(compared)} verdicts alike` };
    const where = documents
      .filter(({ rules }) => rules.some((rule) => rule.differ > 0))
      .map(({ document }) => document);
    return {
      check,
      state: 'warning',
      detail: `${count(differ)} of ${count(compared)} verdicts differ, in ${where.join(', ')}: rapport rules verify`,
    };
  } catch (error) {
    const { code, message } = failureReport(error);
    return { check, state: 'warning', detail: message, code };
  }
}

const packageAt = (dir: string) =>
  JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Readonly<Record<string, unknown>>;
