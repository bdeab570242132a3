import { parentPort } from 'node:worker_threads';
import { Engine, Rule, type TopLevelCondition } from 'json-rules-engine';
import { ANSWER, verdictKey, type ReferenceReply, type ReferenceTask } from './reference-protocol.js';

/*
 * Runs json-rules-engine 7.3.1 in a thread of its own. It may hang, or use up memory: then the thread is ended from outside, and the marks tell
 * which subject it was at.
 */

// A rejection that it leaves unhandled would end the thread. The run that it belongs to was rejected as well.
process.on('unhandledRejection', () => undefined);

function engineFor({ rule, operators, verdicts }: ReferenceTask): Engine {
  const { conditions, named, ...flags } = rule;
  const engine = new Engine([], flags);
  const table = new Map(verdicts);
  for (const name of operators)
    engine.addOperator(name, (fact: unknown, value: unknown) => {
      const verdict = table.get(verdictKey(name, value, fact));
      if (verdict === null) throw new Error(`the operator "${name}" has no verdict on this value`);
      // What was not asked about is of another type than the operator reads.
      return verdict ?? false;
    });
  for (const [name, condition] of Object.entries(named)) engine.setCondition(name, condition as TopLevelCondition);
  engine.addRule(new Rule({ conditions: conditions as TopLevelCondition, event: { type: 'verify' } }));
  return engine;
}

async function answer(task: ReferenceTask): Promise<string | null> {
  let engine = engineFor(task);
  const seen = new Uint8Array(task.marks);
  let rejection: string | null = null;
  for (const [i, facts] of task.facts.entries()) {
    seen[i] = ANSWER.underWay;
    try {
      const { results } = await engine.run(facts);
      seen[i] = results.length > 0 ? ANSWER.holds : ANSWER.holdsNot;
    } catch (error) {
      rejection ??= error instanceof Error ? error.message : 'no error';
      seen[i] = ANSWER.rejects;
      // After a rejection it skips rules in the next run.
      engine = engineFor(task);
    }
  }
  return rejection;
}

parentPort?.on('message', (task: ReferenceTask) => {
  void answer(task).then(
    (rejection) => parentPort?.postMessage({ rejection, refusal: null } satisfies ReferenceReply),
    (error: unknown) =>
      parentPort?.postMessage({
        rejection: null,
        refusal: error instanceof Error ? error.message : 'no error',
      } satisfies ReferenceReply),
  );
});
parentPort?.postMessage('ready');
