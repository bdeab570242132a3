import type { MetricDefinition, OperatorDefinition, SubjectKind } from '@rapport/sdk';
import { zone as zoneOf } from '@rapport/sdk/time';
import type { Column } from '@rapport/store';
import { computeOver, reduceOver, type ComputeFrame, type MetricUnderWay } from '../compute.js';
import { EngineError, messageOf } from '../error.js';
import { foldOver, type FoldUnderWay } from '../fold.js';
import { inShort } from '../plain-json.js';
import { usesOf } from '../plugin-shape.js';
import { JUDGED, type Calls, type ComputeReply, type ComputeRequest, type FrameRequest } from '../protocol.js';
import { answer } from './answering.js';
import { CONFIG, DEFINITION, freeze, load, pluginOf, SCOPE, unload } from './plugins.js';
import './guard.js';
import './freeze.js';

/* Where metrics and operators run, one call at a time; and the code of segments and playbooks, which only gives a document. */

type JsonObject = Readonly<Record<string, unknown>>;

interface HeldFrame {
  readonly kind: SubjectKind;
  readonly asOf: number;
  readonly zone: string;
  readonly subjects: readonly string[];
  readonly columns: Map<number, Column>;
  readonly results: Record<string, Column>;
  readonly folds: Map<string, { readonly fold: FoldUnderWay; column: Column | null }>;
}
const frames = new Map<number, HeldFrame>();
/** The frame, with what came with the request put in place. */
function frameOf({ id, head, columns, results }: FrameRequest): HeldFrame {
  if (head)
    frames.set(id, {
      ...head,
      columns: new Map(),
      results: Object.create(null) as Record<string, Column>,
      folds: new Map(),
    });
  const frame = frames.get(id);
  if (!frame) throw new EngineError('RAPPORT_WORKER_FRAME', `there is no frame ${String(id)}.`);
  for (const [i, column] of columns) frame.columns.set(i, column);
  Object.assign(frame.results, results);
  return frame;
}
const foldKey = (metric: string, name: string) => `${metric}\n${name}`;

function inputsOf(frame: HeldFrame, request: ComputeRequest): Readonly<Record<string, Column>> {
  return Object.fromEntries(
    Object.entries(request.inputs).map(([name, source]) => {
      const column =
        typeof source === 'number'
          ? frame.columns.get(source)
          : frame.folds.get(foldKey(request.metric, source.fold))?.column;
      if (!column)
        throw new EngineError('RAPPORT_WORKER_COLUMN', `the input "${name}" of ${request.metric} is missing.`);
      return [name, column];
    }),
  );
}
function metricUnderWay(request: ComputeRequest, frame: HeldFrame): MetricUnderWay {
  const container = pluginOf(request.key);
  const definition = container.get<MetricDefinition>(DEFINITION);
  const config = container.get<JsonObject>(CONFIG);
  const folds = Object.values(request.inputs).flatMap((source) =>
    typeof source === 'number' ? [] : [frame.folds.get(foldKey(request.metric, source.fold))?.fold.failed],
  );
  const failed =
    folds.length === 0 ? null : Uint8Array.from(frame.subjects, (_, i) => (folds.some((fold) => fold?.[i]) ? 1 : 0));
  return {
    definition,
    config,
    uses: usesOf(definition, config),
    scope: container.get<string | null>(SCOPE),
    portfolio: request.portfolio,
    maxFailures: request.maxFailures,
    failed,
  };
}
const computeFrame = ({ kind, asOf, zone, subjects, results }: HeldFrame): ComputeFrame => ({
  kind,
  asOf,
  calendar: zoneOf(zone),
  subjects,
  results,
});

function computed(frame: HeldFrame, request: ComputeRequest, reply: ComputeReply): ComputeReply {
  if (request.keep) Object.assign(frame.results, reply.columns);
  const folds = Object.values(request.inputs).flatMap((source) =>
    typeof source === 'number' ? [] : [frame.folds.get(foldKey(request.metric, source.fold))?.fold.example() ?? null],
  );
  const example = reply.threw.example ?? folds.find((text) => text !== null) ?? null;
  return { ...reply, threw: { ...reply.threw, example } };
}

/** Asks an operator about facts one by one; each verdict is marked as soon as it is found, so that it outlives this thread. */
function judge({ key, value, facts, marks }: Calls['judge'][0]): Calls['judge'][1] {
  const definition = pluginOf(key).get<OperatorDefinition>(DEFINITION);
  const found = new Uint8Array(marks);
  let failure: string | null = null;
  const fail = (fact: unknown, why: string) => {
    failure ??= `${inShort(fact)} ${why}`;
    return JUDGED.failed;
  };
  freeze(value);
  for (const [i, fact] of facts.entries()) {
    found[i] = JUDGED.underWay;
    try {
      const verdict: unknown = definition.test(freeze(fact) as never, value);
      if (typeof verdict === 'boolean') found[i] = verdict ? JUDGED.holds : JUDGED.holdsNot;
      else found[i] = fail(fact, `made it return ${inShort(verdict)}, which is neither true nor false`);
    } catch (error) {
      found[i] = fail(fact, `made it throw (${messageOf(error)})`);
    }
  }
  return { failure };
}

answer<'load' | 'unload' | 'foldBegin' | 'foldStep' | 'foldEnd' | 'compute' | 'reduce' | 'drop' | 'judge'>({
  load,
  unload,
  foldBegin({ frame, metric, key, reducer, name }) {
    const into = frameOf(frame);
    const container = pluginOf(key);
    const definition = container.get<MetricDefinition>(DEFINITION);
    const fold = definition.folds?.find((one) => one.name === reducer);
    if (!fold) throw new EngineError('RAPPORT_PLUGIN_MEASURE', `"${metric}" has no fold "${reducer}".`);
    into.folds.set(foldKey(metric, name), {
      fold: foldOver(fold, container.get<JsonObject>(CONFIG), into.subjects),
      column: null,
    });
    return null;
  },
  foldStep({ frame, metric, name, events }) {
    frames.get(frame)?.folds.get(foldKey(metric, name))?.fold.step(events);
    return null;
  },
  foldEnd({ frame, metric, name }) {
    const entry = frames.get(frame)?.folds.get(foldKey(metric, name));
    if (entry) entry.column = entry.fold.end();
    return null;
  },
  compute(request) {
    const frame = frameOf(request.frame);
    const metric = metricUnderWay(request, frame);
    return computed(frame, request, computeOver(computeFrame(frame), metric, inputsOf(frame, request)));
  },
  reduce(request) {
    const frame = frameOf(request.frame);
    const rows = frameOf(request.rows);
    const metric = metricUnderWay({ ...request, inputs: {} }, frame);
    const inputs = inputsOf(rows, request);
    return computed(
      frame,
      { ...request, inputs: {} },
      reduceOver(computeFrame(frame), metric, rows.subjects.length, inputs, request.groups),
    );
  },
  drop({ frames: gone }) {
    for (const id of gone) frames.delete(id);
    return null;
  },
  judge,
});
