import type { Measures, MetricDefinition } from '@rapport/sdk';
import { narrowMeasures, type Scope } from '@rapport/store';
import { Value } from 'typebox/value';
import { checkedHook, checkedMeasures } from './contract.js';
import { TestkitError } from './error.js';
import type { Report } from './finding.js';
import { ownEntry, type Workspace } from './scene.js';

type Config = Readonly<Record<string, unknown>>;

/** A metric, ready to be evaluated: configured, narrowed to scopes, with the metrics that it uses. */
export interface Asked {
  readonly definition: MetricDefinition;
  /** With its defaults; frozen. */
  readonly config: Config;
  readonly measures: Measures;
  readonly uses: ReadonlyMap<string, Asked>;
  readonly usesPortfolio: ReadonlyMap<string, Asked>;
}

/**
 * Makes a metric ready. What its functions of the configuration do wrong is reported. Throws `RAPPORT_TESTKIT_CONFIG`, and `_METRIC` for a used
 * metric or scope that is not given, and for metrics that use each other in a circle.
 */
export function asked(
  definition: MetricDefinition,
  given: Config | undefined,
  workspace: Workspace,
  report: Report,
  {
    scopes = [],
    path = [definition.id],
  }: { readonly scopes?: readonly Scope[]; readonly path?: readonly string[] } = {},
): Asked {
  const config = configure(definition, given ?? {});
  const other = (id: string): Asked => {
    const [base = id, scopeName] = id.split(':');
    const metric = ownEntry(workspace.metrics, id) ?? ownEntry(workspace.metrics, base);
    const scope = scopeName === undefined ? undefined : ownEntry(workspace.scopes, scopeName);
    if (!metric || (scopeName !== undefined && !scope)) {
      throw new TestkitError(
        'RAPPORT_TESTKIT_METRIC',
        metric
          ? `metric "${definition.id}" uses "${id}"; give the scope: { scopes: { '${scopeName}': { events: […] } } }`
          : `metric "${definition.id}" uses "${id}"; give it: { metrics: { '${base}': definition } }`,
      );
    }
    if (path.includes(id)) {
      throw new TestkitError(
        'RAPPORT_TESTKIT_METRIC',
        `metrics use each other in a circle: ${[...path, id].join(' → ')}`,
      );
    }
    const [its, itsConfig] = 'definition' in metric ? [metric.definition, metric.config] : [metric, {}];
    return asked(its, itsConfig, workspace, report, {
      scopes: scope ? [...scopes, scope] : scopes,
      path: [...path, id],
    });
  };
  const used = (hook: 'uses' | 'usesPortfolio') =>
    new Map((checkedHook(definition, hook, config, report) ?? []).map((id) => [id, other(id)]));
  return {
    definition,
    config,
    measures: scopes.reduce(narrowMeasures, checkedMeasures(definition, config, report)),
    uses: used('uses'),
    usesPortfolio: used('usesPortfolio'),
  };
}

/** The metric and all that it uses, directly or not. */
export const familyOf = (metric: Asked): readonly Asked[] => [
  metric,
  ...[...metric.uses.values(), ...metric.usesPortfolio.values()].flatMap(familyOf),
];

/** The configuration with its defaults, frozen. Throws `RAPPORT_TESTKIT_CONFIG`. */
function configure(definition: MetricDefinition, config: Config): Config {
  const filled = Value.Default(definition.config, structuredClone(config));
  if (!Value.Check(definition.config, filled)) {
    const faults = Value.Errors(definition.config, filled).map(
      ({ instancePath, message }) => `${instancePath || '/'} ${message}`,
    );
    throw new TestkitError('RAPPORT_TESTKIT_CONFIG', `configuration of "${definition.id}": ${faults.join('; ')}`);
  }
  return frozen(structuredClone(filled));
}

function frozen<T>(data: T): T {
  if (typeof data === 'object' && data !== null) Object.values(Object.freeze(data)).forEach(frozen);
  return data;
}
