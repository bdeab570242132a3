import {
  coverageOf,
  lint,
  lintTraits,
  locator,
  readDocument,
  runTests,
  traitsOf,
  type FailedTest,
  type Finding,
  type OperatorSet,
  type Problem,
} from '@rapport/rules';
import { zone } from '@rapport/sdk/time';
import { EngineError, operatorsOf, trying, verdictsOf, catalogueFor } from '@rapport/plugin-host';
import type { PlaybookDocument, SegmentDocument } from '@rapport/sdk';
import { propose } from './proposal.js';
import { timeFindings } from './time-findings.js';
import { traitProfiles } from './trait-profile.js';
import type { RunSetting } from '../membership/setting.js';

/** Something to say about a document, and where in its text. */
export interface RuleFinding extends Problem {
  /** An error keeps it from being in force. */
  readonly severity: 'error' | 'warning';
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Facts of a subject that show it, where there are such. */
  readonly sample: Readonly<Record<string, unknown>> | null;
}
export interface RuleTestReport {
  /** Tests that the document carries. */
  readonly tests: number;
  readonly failed: readonly FailedTest[];
  /** Conditions that no test makes true, or false. */
  readonly untried: readonly { readonly pointer: string; readonly never: 'true' | 'false' }[];
  /** Operators of plugins that had no verdict: `RAPPORT_OPERATOR_*`. */
  readonly errors: readonly string[];
  /** What keeps the document from being tested at all. */
  readonly problems: readonly Problem[];
}

/** What keeps a text from being a document in force, and what is odd about it. */
export async function reviewOf(text: string, setting: RunSetting): Promise<readonly RuleFinding[]> {
  const read = readDocument(text, { operators: operatorsOf(setting.plugins) });
  if (!read.ok) return read.problems.map((problem) => ({ ...problem, severity: 'error', sample: null }));
  const { document } = read;
  const found = await propose(document, setting);
  const place = locator(text);
  const problems = found.ok ? [] : found.problems;
  const catalogue = catalogueFor(document.subject, setting.plugins);
  const now = { at: setting.clock.now(), zone: zone(setting.store.zone) };
  const findings = await verdictsOf(trying(setting)).settle(({ quiet }) =>
    lint(document, { now, catalogue, operators: quiet }),
  );
  const traits = await traitFindings(document, setting, now.at);
  return [
    ...problems.map((problem) => ({ ...problem, severity: 'error' as const, sample: null })),
    ...[...traits, ...findings].map((finding) => ({ ...finding, severity: 'warning' as const })),
  ].map((finding) => ({ ...finding, ...place(finding.pointer) }));
}

/** Where a document does not fit the traits that the data has now. */
export async function traitFindings(
  document: SegmentDocument | PlaybookDocument,
  { store, plugins }: Pick<RunSetting, 'store' | 'plugins'>,
  asOf: number,
): Promise<readonly Finding[]> {
  const operators = operatorsOf(plugins);
  const names = traitsOf(document, operators);
  if (names.length === 0) return [];
  const snapshot = await store.snapshot();
  try {
    const found = lintTraits(document, await traitProfiles(snapshot, document.subject, asOf, names), operators);
    const times = await timeFindings(document, snapshot, { at: asOf, zone: zone(store.zone) }, operators);
    // Of a trait that never is a time, that has been said.
    return [...found, ...times.filter(({ pointer }) => !found.some((other) => other.pointer.startsWith(pointer)))];
  } finally {
    await snapshot.close();
  }
}

/** Runs a document's own tests, and says which of its conditions they leave untried. */
export async function testReport(text: string, setting: RunSetting): Promise<RuleTestReport> {
  const read = readDocument(text, { operators: operatorsOf(setting.plugins) });
  const nothing = { tests: 0, failed: [], untried: [], errors: [], problems: [] };
  if (!read.ok) return { ...nothing, problems: read.problems };
  const { document } = read;
  if (document.kind === 'playbook') return nothing;
  const verdicts = verdictsOf(trying(setting));
  const its = zone(setting.store.zone);
  const { failed, leaves } = await verdicts.settle(({ quiet }) => ({
    failed: runTests(document, its, quiet),
    leaves: coverageOf(document, its, quiet).leaves,
  }));
  return {
    tests: document.tests?.length ?? 0,
    failed,
    untried: leaves.flatMap(({ pointer, wasTrue, wasFalse }) => [
      ...(wasTrue ? [] : [{ pointer, never: 'true' as const }]),
      ...(wasFalse ? [] : [{ pointer, never: 'false' as const }]),
    ]),
    errors: verdicts.errors(),
    problems: [],
  };
}

/** Reads a document's text. Throws `RAPPORT_RULES_REFUSED` with line and column of what is wrong. */
export function parsed(text: string, operators: OperatorSet): unknown {
  const read = readDocument(text, { operators });
  if (read.ok) return read.document;
  const told = read.problems
    .slice(0, 5)
    .map(
      ({ code, line, column, pointer, message }) =>
        `${String(line)}:${String(column)} ${pointer || '/'}: ${message} (${code})`,
    );
  throw new EngineError('RAPPORT_RULES_REFUSED', told.join(' '));
}
