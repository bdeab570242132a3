import type { Problem } from '@rapport/rules';
import { EngineError, operatorsOf } from '@rapport/plugin-host';
import { backtest, type BacktestOptions, type BacktestReport } from './backtest.js';
import { explainRule, type ExplainOptions, type RuleExplanation } from './explain.js';
import { preview, type PreviewOptions, type PreviewReport } from './preview.js';
import { propose, type Proposal } from './proposal.js';
import { parsed, reviewOf, testReport, traitFindings, type RuleFinding, type RuleTestReport } from './review.js';
import { ruleSchemas } from './rule-schemas.js';
import { verify, type VerifyOptions, type VerifyReport } from './verify.js';
import { publishingOf, type Publishing } from './publishing.js';
import type { RunSetting } from '../membership/setting.js';

/** Documents before they are in force, and their versions. Each takes a document as JSON; what it names are the plugins that are loaded. Only `Publishing` writes. */
export interface Rules extends Publishing {
  /** What keeps a document from being in force; none when nothing does. Includes its own tests. */
  check(document: unknown): Promise<readonly Problem[]>;
  /** Where a document does not fit the traits that the data has; it may be in force all the same. None for one that `check` finds problems in. */
  warnings(document: unknown): Promise<readonly Problem[]>;
  /** Reads a document's text. Throws `RAPPORT_RULES_REFUSED` with line and column of what is wrong. */
  parse(text: string): unknown;
  /** What keeps a text from being in force, and what is odd about it: never true, always true, the same twice, bands that overlap or leave gaps; each with an example. */
  lint(text: string): Promise<readonly RuleFinding[]>;
  /** Runs the tests that a document carries. */
  test(text: string): Promise<RuleTestReport>;
  /** JSON Schemas (2020-12) for editors, by kind: the facts, operators and values that there are here. */
  schemas(): Promise<Readonly<Record<'segment' | 'playbook', unknown>>>;
  /** Who would enter, leave and stay, and which playbooks would fire. Throws `RAPPORT_RULES_REFUSED`. */
  preview(document: unknown, options?: PreviewOptions): Promise<PreviewReport>;
  /** What a document would have done on each of the last days, and how well it foretold what happened. Throws `RAPPORT_RULES_REFUSED`, `RAPPORT_RULES_BACKTEST`. */
  backtest(document: unknown, options?: BacktestOptions): Promise<BacktestReport>;
  /** Where json-rules-engine itself says something else of today's facts than the rules in force. Throws `RAPPORT_RULES_VERIFY` for a document that is not in force. */
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  /** Why a subject is, or is not, where a rule puts it, now or as of then. Throws `RAPPORT_RULES_REFUSED`, `RAPPORT_ANALYSIS_UNKNOWN_SUBJECT`. */
  explain(document: unknown, options: ExplainOptions): Promise<RuleExplanation>;
}

export function rulesOf(setting: RunSetting): Rules {
  const proposed = async (document: unknown): Promise<Proposal> => {
    const found = await propose(document, setting);
    if (found.ok) return found.proposal;
    const told = found.problems
      .slice(0, 5)
      .map(({ code, pointer, message }) => `${pointer || '/'}: ${message} (${code})`);
    throw new EngineError('RAPPORT_RULES_REFUSED', `the document cannot be in force. ${told.join(' ')}`);
  };
  let verifying: Promise<unknown> = Promise.resolve();
  return {
    ...publishingOf(setting, proposed),
    async check(document) {
      const found = await propose(document, setting);
      return found.ok ? [] : found.problems;
    },
    async warnings(document) {
      const found = await propose(document, setting);
      if (!found.ok) return [];
      const findings = await traitFindings(found.proposal.document, setting, setting.clock.now());
      return findings.map(({ code, pointer, message }) => ({ code, pointer, message }));
    },
    parse: (text) => parsed(text, operatorsOf(setting.plugins)),
    lint: (text) => reviewOf(text, setting),
    test: (text) => testReport(text, setting),
    schemas: () => ruleSchemas(setting),
    preview: async (document, options = {}) => preview(setting, await proposed(document), options),
    backtest: async (document, options = {}) => backtest(setting, await proposed(document), options),
    verify(options = {}) {
      // One thread with json-rules-engine at a time, however many ask.
      const its = verifying.then(() => verify({ ...setting }, options));
      verifying = its.catch(() => undefined);
      return its;
    },
    explain: async (document, options) => explainRule(setting, await proposed(document), options),
  };
}
