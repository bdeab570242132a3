import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { mergedUnreadable, unreadableSentence, type UnreadableTime } from '@rapport/engine';
import type { Workspace } from '@rapport/host';
import { exit, failure, RapportError } from '@rapport/errors';
import { byteSource, fileBytes, type ByteSource } from '../import/bytes.js';
import { openInput, type Input } from '../import/input.js';
import { fileIntake, type FileReport } from '../import/intake.js';
import { dataFile, importMapped, readLookups } from '../import/mapped.js';
import { importNdjson } from '../import/ndjson.js';
import { refusalLedger, type RefusalReason } from '../import/refusals.js';
import { progress } from '../progress.js';
import { count, elapsed } from '../table.js';
import { CONFIG, createWorkspace, locateWorkspace, OWN_FOLDER, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export interface ImportOptions {
  readonly data?: string;
  readonly refused?: string;
  readonly examples: number;
}
export interface ImportReport {
  readonly workspace: string;
  readonly store: string;
  readonly files: readonly FileReport[];
  /** `calls` were made of `lines`; each was accepted, known already, or refused. */
  readonly lines: number;
  readonly calls: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: {
    readonly total: number;
    readonly reasons: readonly RefusalReason[];
    readonly file: string | null;
  };
  /** Values that should be times and cannot be read as one: they count as missing. */
  readonly unreadable: readonly UnreadableTime[];
  readonly interrupted: boolean;
  readonly seconds: number;
  readonly linesPerSecond: number;
}

/** A file still to be read, and how. */
interface Task {
  readonly name: string;
  readonly bytes: number | null;
  run(
    workspace: Workspace,
    intake: ReturnType<typeof fileIntake>,
    opened: (source: ByteSource) => ByteSource,
  ): Promise<void>;
}

export async function importCalls(
  session: Session,
  names: readonly string[],
  options: ImportOptions,
): Promise<Outcome> {
  const { io } = session;
  const at = (path: string) => resolve(io.cwd, path);
  const inputs = names.map((name) => openInput(name, at));
  if (inputs.filter((input) => input.kind === 'stdin').length > 1)
    throw new RapportError('RAPPORT_USAGE', '"-" (standard input) can be read once only');
  if (options.data !== undefined && !inputs.some((input) => input.kind === 'mapping')) {
    throw new RapportError('RAPPORT_USAGE', '--data names the folder that a mapping reads; no mapping is given');
  }
  const tasks = inputs.flatMap((input) => tasksOf(input, session, options, at));
  const dir = locateWorkspace(io, session.workspace) ?? workspaceFromTemplate(session, inputs);
  return withWorkspace(dir, (workspace) => run(session, workspace, tasks, options));
}

/** Everything that can be known to be missing is found before the first event is stored. */
function tasksOf(input: Input, session: Session, options: ImportOptions, at: (path: string) => string): Task[] {
  const { signal } = session.io;
  if (input.kind === 'stdin') {
    return [
      {
        name: 'stdin',
        bytes: null,
        run: (_, intake, opened) => importNdjson(opened(byteSource(session.io.stdin)), intake, signal),
      },
    ];
  }
  if (input.kind === 'ndjson') {
    return [
      {
        name: input.name,
        bytes: input.bytes,
        run: (_, intake, opened) => importNdjson(opened(fileBytes(input.path)), intake, signal),
      },
    ];
  }
  const { mapping } = input;
  const dataDir = options.data === undefined ? input.dir : at(options.data);
  for (const lookup of Object.values(mapping.lookups ?? {})) dataFile(dataDir, lookup.file);
  let lookups: ReturnType<typeof readLookups> | undefined;
  return mapping.sources.map((source) => {
    const path = dataFile(dataDir, source.file);
    return {
      name: relative(session.io.cwd, path),
      bytes: statSync(path).size,
      async run(workspace, intake, opened) {
        lookups ??= readLookups(mapping, dataDir);
        const context = { mapping, timeZone: mapping.timeZone ?? workspace.engine.store.zone, lookups: await lookups };
        await importMapped(source, opened(fileBytes(path)), context, intake, signal);
      },
    };
  });
}

/** No workspace anywhere, but a mapping that brings a template for one: that becomes `.rapport/`. */
function workspaceFromTemplate(session: Session, inputs: readonly Input[]): string {
  const { io } = session;
  for (const input of inputs) {
    if (input.kind !== 'mapping') continue;
    const template = join(input.dir, CONFIG);
    if (!existsSync(template)) continue;
    let config: object;
    try {
      config = JSON.parse(readFileSync(template, 'utf8')) as object;
    } catch (error) {
      throw failure('RAPPORT_WORKSPACE_JSON', { path: template, reason: (error as Error).message });
    }
    const dir = join(io.cwd, OWN_FOLDER);
    createWorkspace(dir, config);
    session.say(
      `There is no workspace here yet: made ${join(OWN_FOLDER, CONFIG)} from ${relative(io.cwd, template)}. Commands run in this folder find it.`,
    );
    return dir;
  }
  throw new RapportError(
    'RAPPORT_WORKSPACE_MISSING',
    `there is no ${CONFIG} in ${io.cwd} or above it to import into; "rapport init" makes one here, and --workspace DIR names one elsewhere`,
  );
}

async function run(
  session: Session,
  workspace: Workspace,
  tasks: readonly Task[],
  options: ImportOptions,
): Promise<Outcome> {
  const { io } = session;
  const { engine } = workspace;
  session.say(`Importing into workspace "${engine.config.workspace}" (${engine.store.location})`);
  const total = tasks.some((task) => task.bytes === null)
    ? null
    : tasks.reduce((sum, task) => sum + (task.bytes ?? 0), 0);
  const ledger = refusalLedger(
    options.examples,
    options.refused === undefined ? undefined : resolve(io.cwd, options.refused),
  );
  const bar = progress(io, total, { quiet: session.json });
  const files: FileReport[] = [];
  const started = performance.now();
  let bytesBefore = 0;
  let linesBefore = 0;
  try {
    for (const task of tasks) {
      if (io.signal.aborted) break;
      const intake = fileIntake(task.name, (calls) => engine.ingest(calls), ledger);
      let source: ByteSource | undefined;
      const tick = setInterval(
        () => bar.update(bytesBefore + (source?.read() ?? 0), linesBefore + intake.counts.lines),
        200,
      );
      try {
        await task.run(workspace, intake, (opened) => (source = opened));
        files.push(await intake.finish());
      } finally {
        clearInterval(tick);
      }
      bytesBefore += task.bytes ?? 0;
      linesBefore += intake.counts.lines;
    }
  } finally {
    bar.stop();
    await ledger.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const sum = (key: 'lines' | 'calls' | 'accepted' | 'duplicates') => files.reduce((n, file) => n + file[key], 0);
  const report: ImportReport = {
    workspace: engine.config.workspace,
    store: engine.store.location,
    files,
    lines: sum('lines'),
    calls: sum('calls'),
    accepted: sum('accepted'),
    duplicates: sum('duplicates'),
    refused: { total: ledger.total, reasons: ledger.reasons(), file: options.refused ?? null },
    unreadable: mergedUnreadable(files.map((file) => file.unreadable)),
    interrupted: io.signal.aborted,
    seconds: Math.round(seconds * 1000) / 1000,
    linesPerSecond: Math.round(sum('lines') / Math.max(0.001, seconds)),
  };
  const exitCode = report.interrupted ? exit.interrupted : report.refused.total > 0 ? exit.refused : exit.ok;
  return { json: report, text: importText(report), exitCode };
}

function importText(report: ImportReport): string {
  const known = report.duplicates > 0 ? `, ${count(report.duplicates)} known already` : '';
  const text = [
    `${count(report.lines)} lines in ${elapsed(report.seconds * 1000)} (${count(report.linesPerSecond)}/s): ${count(report.calls)} calls, ${count(report.accepted)} new${known}.`,
  ];
  if (report.interrupted)
    text.push('Stopped before the end. Run it again to go on: what is stored is not counted twice.');
  for (const time of report.unreadable) text.push(unreadableSentence(time, 'value'));
  if (report.refused.total === 0) return text.join('\n');
  text.push(`${count(report.refused.total)} refused; everything else is stored.`);
  for (const reason of report.refused.reasons) {
    text.push(`  ${reason.code}  ${count(reason.count)}`);
    for (const { file, line, pointer, message } of reason.examples) {
      text.push(`    ${file}:${line}${pointer === '' ? '' : ` ${pointer}`}  ${message}`);
    }
    const more = reason.count - reason.examples.length;
    if (more > 0) text.push(`    … and ${count(more)} more`);
  }
  text.push(
    report.refused.file === null
      ? 'All of them, with their contents, go to a file with --refused FILE.'
      : `All of them, with their contents, are in ${report.refused.file}.`,
  );
  return text.join('\n');
}
