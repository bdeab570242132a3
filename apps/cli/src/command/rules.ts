import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  documentChanges,
  documentsAmong,
  type BacktestReport,
  type Engine,
  type PreviewReport,
  type RuleExplanation,
  type RuleFinding,
  type VerifyReport,
} from '@rapport/engine';
import { asOfInstant, describeAsOf } from '../as-of.js';
import { didYouMean } from '../closest.js';
import { exit, RapportError } from '@rapport/errors';
import { progress } from '../progress.js';
import { sparkline } from '../sparkline.js';
import { count, table } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';

export interface RulesPreviewOptions {
  readonly asOf?: string;
  readonly samples: number;
}
export interface RulesChangeOptions {
  readonly author: string;
  readonly reason: string;
  readonly after?: number;
}
export interface RulesExplainOptions {
  readonly asOf?: string;
}
export interface RulesVerifyOptions {
  readonly subjects?: number;
  readonly asOf?: string;
  /** Seconds. */
  readonly timeout: number;
}
export interface RulesSchemaOptions {
  readonly out?: string;
}
export interface RulesBacktestOptions {
  readonly days: number;
  readonly outcome: string;
  readonly horizon: string;
  readonly bands?: string;
  readonly asOf?: string;
}

const inForce = (engine: Engine, id: string) =>
  documentsAmong(engine.plugins).find(({ manifest }) => manifest.id === id);

/** The text of a rule that a person names: a file, or the id of one in force. Throws `RAPPORT_RULES_MISSING`. */
function textOf({ io }: Session, engine: Engine, rule: string): string {
  const path = resolve(io.cwd, rule);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  const found = inForce(engine, rule);
  if (found) return JSON.stringify(found.document, null, 2);
  const ids = documentsAmong(engine.plugins).map(({ manifest }) => manifest.id);
  throw new RapportError(
    'RAPPORT_RULES_MISSING',
    `there is no file ${rule}, and no rule of that id is in force.${didYouMean(rule, ids)} In force: ${ids.join(', ') || 'none'}`,
  );
}

const within = (
  session: Session,
  use: (engine: Engine, root: string) => Promise<Outcome> | Outcome,
): Promise<Outcome> =>
  withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine, root }) => use(engine, root));

const instant = (engine: Engine, text: string | undefined) =>
  text === undefined ? {} : { asOf: asOfInstant(text, engine.store.zone) };

export const listRules = (session: Session): Promise<Outcome> =>
  within(session, (engine) => {
    const rules = documentsAmong(engine.plugins).map(({ kind, name, version, document }) => ({
      kind, id: document.id, title: document.title, subject: document.subject, version, from: name,
    })); // prettier-ignore
    const refused = engine.refused.filter(({ name }) => /^(?:rules|store|rapport\.json#)/.test(name));
    const text = [
      table(['Rule', 'kind', 'about', 'version', 'from'], rules.map(({ id, kind, subject, version, from }) => [id, kind, `${subject}s`, version, from])),
      ...refused.map(({ code, message }) => `Refused: ${message} (${code})`),
    ]; // prettier-ignore
    return { json: { rules, refused }, text: text.join('\n'), exitCode: exit.ok };
  });

const placeOf = ({ line, column, pointer }: RuleFinding) => `${String(line)}:${String(column)} ${pointer || '/'}`;

export const lintRules = (session: Session, rules: readonly string[]): Promise<Outcome> =>
  within(session, async (engine) => {
    const found = await Promise.all(
      rules.map(async (rule) => ({ rule, findings: await engine.rules.lint(textOf(session, engine, rule)) })),
    );
    const all = found.flatMap(({ findings }) => findings);
    const text = found.flatMap(({ rule, findings }) => [
      findings.length === 0 ? `${rule}: nothing found` : `${rule}:`,
      ...findings.flatMap((finding) => [
        `  ${placeOf(finding)}  ${finding.severity}: ${finding.message} (${finding.code})`,
        ...(finding.sample ? [`    for example ${JSON.stringify(finding.sample)}`] : []),
      ]),
    ]);
    const errors = all.filter(({ severity }) => severity === 'error').length;
    return { json: { rules: found }, text: text.join('\n'), exitCode: errors > 0 ? exit.refused : exit.ok };
  });

export const testRules = (session: Session, rules: readonly string[]): Promise<Outcome> =>
  within(session, async (engine) => {
    const reports = await Promise.all(
      rules.map(async (rule) => ({ rule, ...(await engine.rules.test(textOf(session, engine, rule))) })),
    );
    const text = reports.flatMap(({ rule, tests, failed, untried, errors, problems }) => [
      problems.length > 0 ? `${rule}: cannot be tested` : `${rule}: ${count(tests - failed.length)} of ${count(tests)} tests hold`,
      ...problems.map(({ pointer, message, code }) => `  ${pointer || '/'}  ${message} (${code})`),
      ...failed.map(({ name, expected, found }) => `  "${name}" expects ${expected}, but the rules say ${found}`),
      ...errors.map((error) => `  ${error}`),
      ...untried.map(({ pointer, never }) => `  ${pointer} is never ${never} in a test`),
    ]); // prettier-ignore
    const bad = reports.some(({ failed, errors, problems }) => failed.length + errors.length + problems.length > 0);
    return { json: { rules: reports }, text: text.join('\n'), exitCode: bad ? exit.refused : exit.ok };
  });

export const writeSchemas = (session: Session, options: RulesSchemaOptions): Promise<Outcome> =>
  within(session, async (engine, root) => {
    const folder = options.out === undefined ? join(root, 'rules', 'schemas') : resolve(session.io.cwd, options.out);
    mkdirSync(folder, { recursive: true });
    const schemas = await engine.rules.schemas();
    const files = Object.entries(schemas).map(([kind, schema]) => {
      const file = join(folder, `${kind}.schema.json`);
      writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
      return file;
    });
    const text = [...files, 'Begin a rule with "$schema": "schemas/segment.schema.json", and the editor completes it.'];
    return { json: { files }, text: text.join('\n'), exitCode: exit.ok };
  });

export const explainOne = (
  session: Session,
  rule: string,
  subject: string,
  options: RulesExplainOptions,
): Promise<Outcome> =>
  within(session, async (engine) => {
    const document: unknown = engine.rules.parse(textOf(session, engine, rule));
    const report = await engine.rules.explain(document, { subject, ...instant(engine, options.asOf) });
    return { json: report, text: explanationText(report, engine.store.zone), exitCode: exit.ok };
  });

function explanationText(report: RuleExplanation, zone: string): string {
  const { id, kind, subject, asOf, placement, membership, conditions, segments, facts, versions, errors, inForce } =
    report;
  const operators = Object.entries(versions.operators).map(([of, version]) => `${of}@${version}`);
  const lines = [
    `${id} for ${kind} ${subject}, as of ${describeAsOf(Date.parse(asOf), zone)}${placement === null ? '' : `: ${placement}`}`,
    membership
      ? `By the latest run in ${membership.segment} since ${new Date(membership.enteredAt).toISOString().slice(0, 10)}: ${membership.reason}`
      : 'By the latest run in none of it.',
    '',
    ...conditions.flatMap(({ pointer, verdict, text, nearest }) => [
      `${pointer} is ${verdict}: ${text}`,
      ...(nearest === null ? [] : [`  ${nearest}`]),
    ]),
    ...nestedText(segments),
    '',
    table(['Fact', 'value'], Object.entries(facts).map(([fact, value]) => [fact, value === null ? 'unknown' : JSON.stringify(value)])),
    '',
    ...errors,
    `Rule ${versions.rule}; ${[...Object.values(versions.metrics), ...operators].join(', ') || 'no metric'}.`,
  ]; // prettier-ignore
  if (inForce)
    lines.push(
      `In run ${String(inForce.run)} (${inForce.asOf}): ${inForce.version === null ? 'not in force' : `version ${inForce.version}`}.`,
    );
  return lines.join('\n');
}

/** Why the subject is, or is not, in the segments that the rule asks for. */
const nestedText = (segments: RuleExplanation['segments']): readonly string[] =>
  segments.flatMap(({ segment, askedBy, isMember, conditions }) => [
    '',
    `segment.${segment}, which ${askedBy} asks for: ${isMember ? 'a member' : 'no member'}`,
    ...conditions.flatMap(({ pointer, verdict, text, nearest }) => [
      `  ${pointer} is ${verdict}: ${text}`,
      ...(nearest === null ? [] : [`    ${nearest}`]),
    ]),
  ]);

export const verifyRules = (
  session: Session,
  rules: readonly string[],
  options: RulesVerifyOptions,
): Promise<Outcome> =>
  within(session, async (engine) => {
    const documents = rules.map((id) => {
      const found = inForce(engine, id);
      if (found) return `${found.kind}/${id}`;
      const ids = documentsAmong(engine.plugins).map(({ manifest }) => manifest.id);
      throw new RapportError(
        'RAPPORT_RULES_MISSING',
        `no rule "${id}" is in force.${didYouMean(id, ids)} In force: ${ids.join(', ') || 'none'}`,
      );
    });
    const bar = progress(session.io, 100, { quiet: session.json, unit: 'verdicts' });
    try {
      const report = await engine.rules.verify({
        ...(rules.length > 0 ? { documents } : {}),
        ...(options.subjects === undefined ? {} : { subjects: options.subjects }),
        ...instant(engine, options.asOf),
        timeoutMs: options.timeout * 1000,
        progress: (done, of) => bar.update(of === 0 ? 100 : (100 * done) / of, done),
      });
      return {
        json: report,
        text: verifyText(report, engine.store.zone),
        exitCode: report.differ > 0 ? exit.refused : exit.ok,
      };
    } finally {
      bar.stop();
    }
  });

function verifyText(report: VerifyReport, zone: string): string {
  const rules = report.documents.flatMap(({ document, mode, rules: its }) =>
    its.map((rule) => ({ document, mode, ...rule })),
  );
  const asked = rules.filter(({ leftOut }) => leftOut === null);
  const text = [
    report.differ === 0
      ? `${count(report.compared)} verdicts are those of ${report.engine}, on the data of ${describeAsOf(Date.parse(report.asOf), zone)}.`
      : `${count(report.differ)} of ${count(report.compared)} verdicts are not those of ${report.engine}, on the data of ${describeAsOf(Date.parse(report.asOf), zone)}.`,
  ];
  if (asked.length > 0)
    text.push(
      '',
      table(
        ['Document', 'mode', 'rule', 'compared', 'unknown', 'differ'],
        asked.map(({ document, mode, pointer, compared, unknown, differ }) => [document, mode, pointer, count(compared), count(unknown), count(differ)]),
        [3, 4, 5],
      ),
    ); // prettier-ignore
  for (const { document, pointer, differences, differ, reason } of asked) {
    for (const { subject, rapport, jsonRulesEngine, facts } of differences)
      text.push(
        `  ${document}${pointer}  ${subject}: ${rapport} here, ${jsonRulesEngine} there; ${JSON.stringify(facts)}`,
      );
    if (differ > differences.length) text.push(`  and ${count(differ - differences.length)} more`);
    if (differ > 0 && reason !== null) text.push(`  json-rules-engine: ${reason}`);
  }
  const leftOut = rules.filter((rule) => rule.leftOut !== null);
  if (leftOut.length > 0) text.push('', `${count(leftOut.length)} rules were not compared:`);
  for (const { document, pointer, leftOut: why } of leftOut) text.push(`  ${document}${pointer}: ${why ?? ''}`);
  if (!report.isComplete)
    text.push('', 'Time was up before all was compared: give it more with --timeout, or fewer --subjects.');
  return text.join('\n');
}

export const previewRule = (session: Session, rule: string, options: RulesPreviewOptions): Promise<Outcome> =>
  within(session, async (engine) => {
    const document: unknown = engine.rules.parse(textOf(session, engine, rule));
    const report = await engine.rules.preview(document, { samples: options.samples, ...instant(engine, options.asOf) });
    return { json: report, text: previewText(report, engine.store.zone), exitCode: exit.ok };
  });

const percent = (share: number | null) => (share === null ? '—' : `${(100 * share).toFixed(1)} %`);

function unknownText({ subjects, because }: PreviewReport['unknown']): readonly string[] {
  const why = because.map(({ fact, missing, unreadable, example }) => {
    const parts = [
      ...(missing > 0 ? [`${count(missing)} have no value`] : []),
      ...(unreadable > 0
        ? [`of ${count(unreadable)} it cannot be read as the rule reads it, such as ${JSON.stringify(example)}`]
        : []),
    ];
    return `  ${fact}: ${parts.join(', ')}`;
  });
  return [`Unknown for ${count(subjects)}, who stay where they are:`, ...why];
}

function previewText(
  { id, version, asOf, subjects, share, segments, playbooks, unknown, warnings, errors }: PreviewReport,
  zone: string,
): string {
  const text = [
    `${id} ${version} on the data of ${describeAsOf(Date.parse(asOf), zone)}: ${percent(share)} of ${count(subjects)} would move`,
    '',
    table(
      ['Segment', 'now', 'enter', 'leave', 'stay', 'then'],
      segments.map(({ segment, before, enter, leave, stay, after }) => [segment, ...[before, enter, leave, stay, after].map(count)]),
      [1, 2, 3, 4, 5],
    ),
  ]; // prettier-ignore
  for (const { segment, entering, leaving } of segments) {
    for (const { subject, reason } of entering) text.push(`  + ${segment}  ${subject}: ${reason}`);
    for (const { subject, reason } of leaving) text.push(`  - ${segment}  ${subject}: ${reason}`);
  }
  if (unknown.subjects > 0) text.push('', ...unknownText(unknown));
  for (const { code, pointer, message } of warnings) text.push('', `${pointer}: ${message} (${code})`);
  if (playbooks.length > 0) {
    const rows = playbooks.map((each) => [
      each.playbook,
      each.enabled ? 'on' : 'off',
      count(each.subjects),
      count(each.deliveries),
    ]);
    text.push('', table(['Playbook', '', 'subjects', 'deliveries'], rows, [2, 3]));
    for (const { playbook, sample } of playbooks)
      for (const { subject, step, action, input } of sample)
        text.push(`  ${playbook}  ${subject}: ${action} (${step}) ${JSON.stringify(input)}`);
    text.push('The first run with a new version takes its members as it finds them and fires nothing.');
  }
  for (const { segment, message } of errors) text.push(`${segment}: ${message}`);
  return text.join('\n');
}

export const backtestRule = (session: Session, rule: string, options: RulesBacktestOptions): Promise<Outcome> =>
  within(session, async (engine) => {
    const document: unknown = engine.rules.parse(textOf(session, engine, rule));
    const { outcome, horizon, bands } = options;
    const bar = progress(session.io, options.days, { quiet: session.json, unit: 'days' });
    try {
      const report = await engine.rules.backtest(document, {
        days: options.days,
        outcome: outcome === 'churn' || outcome === 'renewal' ? outcome : [outcome],
        horizonDays: Number(horizon.slice(0, -1)) * (horizon.endsWith('w') ? 7 : 1),
        onProgress: ({ done }) => bar.update(done, done),
        ...(bands === undefined ? {} : { bands: bands.split(',').map((band) => band.trim()) }),
        ...instant(engine, options.asOf),
      });
      return { json: report, text: backtestText(report), exitCode: exit.ok };
    } finally {
      bar.stop();
    }
  });

function backtestText(report: BacktestReport): string {
  const { id, version, from, to, subjects, outcome, horizonDays, days, counts, errors } = report;
  const total = (of: (day: (typeof days)[number]) => number) => days.reduce((sum, day) => sum + of(day), 0);
  const none = 'nobody to judge by';
  return [
    `${id} ${version}, ${from} to ${to}, ${count(subjects)} subjects at the end`,
    `Members ${sparkline(days.map(({ members }) => members), 60)} ${count(days.at(-1)?.members ?? 0)}`,
    `Entered ${count(total(({ entered }) => entered))}, left ${count(total(({ left }) => left))}; of the exits ${percent(report.flappingRate)} within a week of the entry`,
    '',
    `Outcome: ${outcome.join(' or ')} within ${count(horizonDays)} days`,
    `Precision ${report.precision === null ? none : `${percent(report.precision)} (${count(counts.right)} of ${count(counts.judged)} entries whose time is over)`}`,
    `At random ${percent(report.baseRate)}: the share of all subjects that it followed within the time`,
    `Recall    ${report.recall === null ? none : `${percent(report.recall)} (${count(counts.foreseen)} of ${count(counts.outcomes)} subjects that it happened to)`}`,
    `Lead time ${report.medianLeadDays === null ? '—' : `${String(Math.round(report.medianLeadDays * 10) / 10)} days (median)`}`,
    ...errors.map(({ segment, message }) => `${segment}: ${message}`),
  ].join('\n'); // prettier-ignore
}

export const diffRules = (session: Session, rule: string, other: string | undefined): Promise<Outcome> =>
  within(session, (engine) => {
    const now = engine.rules.parse(textOf(session, engine, rule));
    const id = typeof now === 'object' && now !== null && 'id' in now ? String(now.id) : '';
    const before: unknown =
      other === undefined
        ? (inForce(engine, id)?.document ?? null)
        : engine.rules.parse(textOf(session, engine, other));
    if (before === null)
      throw new RapportError('RAPPORT_RULES_MISSING', `no rule "${id}" is in force; name a file to compare with`);
    const changes = documentChanges(before, now);
    const side = (sign: string, value: unknown) => (value === undefined ? [] : [`  ${sign} ${JSON.stringify(value)}`]);
    const text = changes.flatMap(({ pointer, ...sides }) => [
      pointer || '/',
      ...side('-', sides.before),
      ...side('+', sides.after),
    ]);
    return { json: { changes }, text: text.length === 0 ? 'They say the same.' : text.join('\n'), exitCode: exit.ok };
  });

const changeOf = ({ author, reason, after }: RulesChangeOptions) => ({
  author,
  reason,
  ...(after === undefined ? {} : { after }),
});

/** The versions of a rule by its id: a segment's, else a playbook's. */
async function keyOf(engine: Engine, id: string): Promise<string> {
  const keys = new Set((await engine.rules.versions()).map(({ key }) => key));
  const found = [id, `segment/${id}`, `playbook/${id}`].find((key) => keys.has(key));
  if (found !== undefined) return found;
  const ids = [...keys].map((key) => key.slice(key.indexOf('/') + 1));
  throw new RapportError(
    'RAPPORT_RULES_MISSING',
    `the workspace keeps no versions of "${id}".${didYouMean(id, ids)} It keeps those of ${ids.join(', ') || 'none'}; files and packages have theirs in git`,
  );
}

export const ruleVersions = (session: Session, id: string | undefined): Promise<Outcome> =>
  within(session, async (engine) => {
    const versions = await engine.rules.versions(id === undefined ? undefined : await keyOf(engine, id));
    const rows = versions.map(({ key, number, status, of, version, author, at, reason }) => [
      key, String(number), `${status}${of === null ? '' : ` (${String(of)})`}`, version, new Date(at).toISOString().slice(0, 16), author, reason,
    ]); // prettier-ignore
    const text =
      rows.length === 0
        ? 'No versions: "rapport rules publish" keeps the first.'
        : table(['Rule', 'no.', '', 'version', 'at', 'by', 'why'], rows, [1]);
    return { json: { versions }, text, exitCode: exit.ok };
  });

export const publishRule = (session: Session, rule: string, options: RulesChangeOptions): Promise<Outcome> =>
  within(session, async (engine) => {
    const document: unknown = engine.rules.parse(textOf(session, engine, rule));
    const report = await engine.rules.publish(document, changeOf(options));
    const { version, needsApproval, preview } = report;
    const text = [
      previewText(preview, engine.store.zone),
      '',
      needsApproval
        ? `Version ${String(version.number)} waits: it moves ${percent(preview.share)}. Somebody else approves of it with "rapport rules approve ${preview.id} ${String(version.number)} --author … --reason …".`
        : `Version ${String(version.number)} of ${version.key} is in force.`,
    ];
    return { json: report, text: text.join('\n'), exitCode: exit.ok };
  });

export const bringBack = (
  session: Session,
  verb: 'approve' | 'rollback',
  id: string,
  number: number,
  options: RulesChangeOptions,
): Promise<Outcome> =>
  within(session, async (engine) => {
    const version = await engine.rules[verb](await keyOf(engine, id), number, changeOf(options));
    return {
      json: { version },
      text: `Version ${String(version.number)} of ${version.key} is in force; it says what version ${String(number)} said.`,
      exitCode: exit.ok,
    };
  });

export const retireRule = (session: Session, id: string, options: RulesChangeOptions): Promise<Outcome> =>
  within(session, async (engine) => {
    const version = await engine.rules.retire(await keyOf(engine, id), changeOf(options));
    return { json: { version }, text: `${version.key} is no longer in force.`, exitCode: exit.ok };
  });
