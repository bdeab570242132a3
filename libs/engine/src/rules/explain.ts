import {
  conditionsOf,
  explain,
  factsOf,
  nearestMiss,
  placementOf,
  readerOf,
  trace,
  type OperatorSet,
  type Trace,
  type Verdict,
} from '@rapport/rules';
import type { SegmentDocument } from '@rapport/sdk';
import type { Moment } from '@rapport/sdk/time';
import { momentOf } from '../instant.js';
import type { Membership, Properties, Run } from '@rapport/store';
import {
  EngineError,
  operatorPluginsOf,
  operatorsOf,
  segmentKeys,
  trying,
  verdictsOf,
  type LoadedDocument,
} from '@rapport/plugin-host';
import { originOf } from '../measurement/origin.js';
import { concernedBy, type Proposal } from './proposal.js';
import { factsFor } from './rehearsal.js';
import { type RunSetting } from '../membership/setting.js';
import { metricsRead } from '../membership/fact-tables.js';
import { membersBySegment, moveAll } from '../membership/move-all.js';

export interface ExplainOptions {
  readonly subject: string;
  /** Instant, epoch ms; default that of the latest run, else now. */
  readonly asOf?: number;
}
export interface ConditionExplanation {
  /** Where the condition stands in the document. */
  readonly pointer: string;
  readonly verdict: 'true' | 'false' | 'unknown';
  /** What decided, in words. */
  readonly text: string;
  /** The least change of one fact that would make it true, in words: `in if stickiness ≥ 0.2; it is 0.17`. Null when it is true, or no single change would do. */
  readonly nearest: string | null;
  /** Every node with its verdict and its place in the document, every leaf with the fact's value and its threshold. */
  readonly trace: Trace;
}
/** Why a subject is, or is not, in a segment that a rule asks for. */
export interface SegmentExplanation {
  /** Key of the segment: its id, or `<id>.<band>`. */
  readonly segment: string;
  /** Which asks for it: the document's own id, or that of another segment in this list. */
  readonly askedBy: string;
  /** Whether the subject is in it, as a run would have it. */
  readonly isMember: boolean;
  /** Where its rules alone put the subject. */
  readonly placement: string;
  readonly conditions: readonly ConditionExplanation[];
}
export interface RuleExplanation {
  readonly id: string;
  readonly kind: 'account' | 'user';
  readonly subject: string;
  readonly asOf: string;
  /** Where the rules alone put it: `in`, `out`, `unknown` or a band. Null for a playbook's own rule. */
  readonly placement: string | null;
  /** Where it is by the latest run, and since when; null when it is nowhere. */
  readonly membership: Membership | null;
  readonly conditions: readonly ConditionExplanation[];
  /** The segments that the rule asks for, those that these ask for, and so on: each once, at most twenty. */
  readonly segments: readonly SegmentExplanation[];
  readonly facts: Properties;
  /** What decides the answer: the rule's version, those of the metrics it reads, each with the hash of its configuration, and those of the plugins whose operators it uses. */
  readonly versions: {
    readonly rule: string;
    readonly metrics: Readonly<Record<string, string>>;
    readonly operators: Readonly<Record<string, string>>;
  };
  /** Operators of plugins that had no verdict on a fact, which is unknown then: `RAPPORT_OPERATOR_*`. */
  readonly errors: readonly string[];
  /** The latest run that had been committed as of then, and the rule's version in it; null where none had, or the rule was not there. */
  readonly inForce: { readonly run: number; readonly asOf: string; readonly version: string | null } | null;
}

const wordOf = (verdict: Verdict) => (verdict === null ? 'unknown' : verdict ? 'true' : 'false');

/** Why a subject is, or is not, where a document puts it. */
export async function explainRule(
  setting: RunSetting,
  proposal: Proposal,
  options: ExplainOptions,
): Promise<RuleExplanation> {
  const { store } = setting;
  const { document, version, plugins } = proposal;
  const { subject } = options;
  const moment = momentOf(setting, options.asOf ?? (await store.latestRun())?.asOf);
  const { at: asOf } = moment;
  const { documents } = concernedBy(proposal);
  const snapshot = await store.snapshot();
  try {
    const tables = await factsFor(setting, plugins, documents, snapshot, asOf, { subjects: [subject] });
    const table = tables.get(document.subject);
    const row = table?.subjects.indexOf(subject) ?? -1;
    if (!table || row < 0)
      throw new EngineError(
        'RAPPORT_ANALYSIS_UNKNOWN_SUBJECT',
        `there is no ${document.subject} "${subject}" as of ${new Date(asOf).toISOString()}.`,
      );
    // Segments that the rule asks for are moved first, as a run would.
    const members = membersBySegment(await store.memberships({ subject }));
    const verdicts = verdictsOf(trying({ ...setting, plugins }));
    await moveAll(documents, tables, members, moment, verdicts, { described: 0 });
    const operators = operatorsOf(plugins);
    const raw = (await snapshot.traits(document.subject, asOf, subject)).get(subject) ?? {};
    const factsFrom = (of: Proposal['document']) => withUnreadable(table.factsAt(factsOf(of, operators), row), raw);
    const facts = factsFrom(document);
    const keys = document.kind === 'segment' ? segmentKeys(document) : [];
    const membership = keys.flatMap((key) => members.get(key)?.get(subject) ?? [])[0] ?? null;
    const metrics = metricsRead(
      documents.filter((plugin) => plugin.document === document),
      plugins,
    );
    return {
      id: document.id,
      kind: document.subject,
      subject,
      asOf: new Date(asOf).toISOString(),
      ...(await verdicts.settle(({ quiet }) => ({
        placement: document.kind === 'segment' ? placementOf(document, readerOf(facts), moment, quiet)(0) : null,
        conditions: conditionsOf(document).map((rule) => explanationOf(rule, facts, moment, quiet)),
        segments: nested(document, documents, operators).map(({ segment, askedBy, of }): SegmentExplanation => {
          const its = factsFrom(of);
          return {
            segment,
            askedBy,
            isMember: table.segments.get(segment)?.[row] === 1,
            placement: placementOf(of, readerOf(its), moment, quiet)(0),
            conditions: conditionsOf(of).map((rule) => explanationOf(rule, its, moment, quiet)),
          };
        }),
      }))),
      membership,
      facts,
      versions: {
        rule: version,
        metrics: Object.fromEntries(metrics.map((id) => [id, originOf(plugins, id) ?? ''])),
        operators: Object.fromEntries(
          operatorPluginsOf(document, operators).map((key) => [
            key.slice('operator/'.length),
            plugins.find((plugin) => `${plugin.kind}/${plugin.manifest.id}` === key)?.version ?? '',
          ]),
        ),
      },
      errors: verdicts.errors(),
      inForce: inForce(await store.runs(1000), document, asOf),
    };
  } finally {
    await snapshot.close();
  }
}

const MOST_SEGMENTS = 20;

/** The segments that a document asks for, nearest first. */
function nested(document: Proposal['document'], documents: readonly LoadedDocument[], operators: OperatorSet) {
  const segments = documents.flatMap((plugin) => (plugin.kind === 'segment' ? [plugin.document] : []));
  const found: { readonly segment: string; readonly askedBy: string; readonly of: SegmentDocument }[] = [];
  const seen = new Set<string>();
  const left: Proposal['document'][] = [document];
  for (let asking = left.shift(); asking && found.length < MOST_SEGMENTS; asking = left.shift()) {
    for (const { fact } of factsOf(asking, operators)) {
      const segment = fact.startsWith('segment.') ? fact.slice('segment.'.length) : '';
      const of = segments.find((one) => segmentKeys(one).includes(segment));
      if (!of || seen.has(segment) || found.length === MOST_SEGMENTS) continue;
      seen.add(segment);
      found.push({ segment, askedBy: asking.id, of });
      left.push(of);
    }
  }
  return found;
}

/** Facts, and traits as they are written where they cannot be read as the rule reads them: they are there, and unknown all the same. */
const withUnreadable = (facts: Properties, raw: Properties): Properties =>
  Object.fromEntries(
    Object.entries(facts).map(([fact, value]) => {
      const name = fact.startsWith('trait.') ? fact.slice('trait.'.length) : '';
      return [fact, value === null && Object.hasOwn(raw, name) ? (raw[name] ?? null) : value];
    }),
  );

function explanationOf(
  { condition, pointer }: ReturnType<typeof conditionsOf>[number],
  facts: Properties,
  moment: Moment,
  operators: OperatorSet,
): ConditionExplanation {
  const { verdict, text } = explain(condition, facts, moment, operators);
  const nearest = nearestMiss(condition, facts, moment, operators)?.text ?? null;
  return {
    pointer,
    verdict: wordOf(verdict),
    text,
    nearest,
    trace: trace(condition, facts, moment, operators, pointer),
  };
}

function inForce(runs: readonly Run[], { kind, id }: Proposal['document'], asOf: number): RuleExplanation['inForce'] {
  const run = runs.find((each) => each.asOf <= asOf);
  if (!run) return null;
  const { documents } = run.manifest;
  const key = `${kind}/${id}`;
  const version = Object.hasOwn(documents, key) ? (documents[key]?.version ?? null) : null;
  return { run: run.number, asOf: new Date(run.asOf).toISOString(), version };
}
