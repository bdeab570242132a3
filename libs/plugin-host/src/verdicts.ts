import { answeredBy, operatorIdOf, type KnownFact, type OperatorSet, type Verdict } from '@rapport/rules';
import { messageOf } from './error.js';
import { operatorsOf } from './operators.js';
import { inShort } from './plain-json.js';
import type { PluginHost } from './plugin-host.js';
import { WorkerDied } from './thread/thread.js';
import { JUDGED } from './protocol.js';
import type { LoadedPlugin } from './loaded-plugin.js';

/** The operators of plugins, to be evaluated with inside of `settle`. */
export interface Operators {
  /** A test that failed throws, so that it is noted for whom it did (`columnar`). */
  readonly throwing: OperatorSet;
  /** A test that failed is unknown; `errors` tells of it. */
  readonly quiet: OperatorSet;
}

/**
 * The verdicts of the operators that plugins bring, for one evaluation. Rules are evaluated synchronously, plugins run in their worker; so rules are evaluated with
 * the verdicts that are known, what was missing is asked for, and they are evaluated again.
 */
export interface Verdicts {
  /**
   * Evaluates: once where no operator of a plugin is asked, else until no verdict is missing. Returns what came of it last.
   *
   * @param body what it changes must come out the same when it is called again
   */
  settle<T>(body: (operators: Operators) => T | Promise<T>): Promise<T>;
  /** What went wrong so far, each once: a sentence that begins with its code, `RAPPORT_OPERATOR_*`. */
  errors(): readonly string[];
}
export interface VerdictSetting {
  readonly plugins: readonly LoadedPlugin[];
  readonly host: Pick<PluginHost, 'judge' | 'scrub'>;
  readonly limits: { readonly operatorMs: number };
  /** How often each plugin had to be stopped since the engine began. */
  readonly strikes: Map<string, number>;
}

/** Where something is only tried: an operator that has to be stopped is not switched off for runs. */
export const trying = <S extends VerdictSetting>(setting: S): S => ({ ...setting, strikes: new Map<string, number>() });

/** An operator that had to be stopped this often is not tried again until the engine is started anew. */
const MAX_STRIKES = 3;
/** How often a question is put again after somebody else ended the worker. */
const MAX_INTERRUPTIONS = 5;
/** Facts that one call is about. */
export const AT_ONCE = 50_000;
/** Each round asks what the one before did not; more than this has not been seen. */
const MAX_ROUNDS = 1000;

/** True, false, or why there is no verdict. */
type Answer = boolean | string;
/** What an operator has been asked with one value. */
interface Question {
  readonly name: string;
  readonly value: unknown;
  readonly ofScalars: Map<KnownFact, Answer>;
  /** By the list's JSON. */
  readonly ofLists: Map<string, Answer>;
  /** Facts to ask about. */
  readonly missing: Set<KnownFact>;
}

const idle: Verdicts = {
  settle: async (body) => body({ throwing: new Map(), quiet: new Map() }),
  errors: () => [],
};

const isList = (fact: KnownFact): fact is readonly unknown[] => typeof fact === 'object';
const answerTo = ({ ofScalars, ofLists }: Question, fact: KnownFact): Answer | undefined =>
  isList(fact) ? ofLists.get(JSON.stringify(fact)) : ofScalars.get(fact);
function note({ ofScalars, ofLists }: Question, fact: KnownFact, answer: Answer): void {
  if (isList(fact)) ofLists.set(JSON.stringify(fact), answer);
  else ofScalars.set(fact, answer);
}

export function verdictsOf(setting: VerdictSetting): Verdicts {
  const set = operatorsOf(setting.plugins);
  if (set.size === 0) return idle;
  const questions = new Map<string, Question>();
  const open = new Set<Question>();
  const errors = new Set<string>();

  const questionOf = (name: string, value: unknown): Question => {
    const key = JSON.stringify([name, value]);
    const question = questions.get(key) ?? {
      name, value, ofScalars: new Map(), ofLists: new Map(), missing: new Set(),
    }; // prettier-ignore
    questions.set(key, question);
    return question;
  };
  const answered = (failed: (why: string) => Verdict): OperatorSet =>
    answeredBy(set, (name, value) => {
      const question = questionOf(name, value);
      return (fact) => {
        const answer = answerTo(question, fact);
        if (typeof answer === 'boolean') return answer;
        if (answer !== undefined) return failed(answer);
        // To a set 0 and −0 are the same, to an operator they need not be.
        question.missing.add(fact === 0 ? 0 : fact);
        open.add(question);
        return null;
      };
    });
  const operators: Operators = {
    throwing: answered((why) => {
      throw new Error(why);
    }),
    quiet: answered(() => null),
  };

  return {
    async settle(body) {
      for (let round = 1; ; round++) {
        const found = await body(operators);
        if (open.size === 0 || round === MAX_ROUNDS) return found;
        const asked = [...open];
        open.clear();
        for (const question of asked) {
          const facts = [...question.missing];
          question.missing.clear();
          for (let from = 0; from < facts.length; from += AT_ONCE) {
            const some = facts.slice(from, from + AT_ONCE);
            const answers = await judged(setting, question, some);
            some.forEach((fact, i) => {
              const answer = answers[i] ?? '';
              note(question, fact, answer);
              if (typeof answer === 'string') errors.add(answer);
            });
          }
        }
      }
    },
    errors: () => [...errors],
  };
}

/** Asks the worker. An operator that ends it has no verdict on the fact that it was at, and one strike; the others' facts are asked about again. */
async function judged(
  { host, limits, strikes, plugins }: VerdictSetting,
  { name, value }: Question,
  facts: readonly KnownFact[],
): Promise<readonly Answer[]> {
  const id = operatorIdOf(name);
  const key = `operator/${id}`;
  const plugin = plugins.find((each) => each.kind === 'operator' && each.manifest.id === id);
  const about = `${name} (${plugin?.name ?? key} ${plugin?.version ?? ''})`;
  const answers: Answer[] = [];
  const rest = (why: string): readonly Answer[] => {
    const told = host.scrub(why);
    while (answers.length < facts.length) answers.push(told);
    return answers;
  };
  let interruptions = 0;
  for (;;) {
    if ((strikes.get(key) ?? 0) >= MAX_STRIKES)
      return rest(
        `RAPPORT_OPERATOR_SWITCHED_OFF: ${about} had to be stopped ${String(MAX_STRIKES)} times and is switched off. Correct it, and start Rapport anew.`,
      );
    const left = facts.slice(answers.length);
    // Memory that the worker writes to and that outlives it: what it had found when it ended, and what it was at.
    const marks = new Uint8Array(new SharedArrayBuffer(left.length));
    let failure = '';
    let ended: WorkerDied | null = null;
    try {
      const reply = await host.judge({ key, value, facts: left, marks: marks.buffer }, limits.operatorMs);
      failure = reply.failure ?? '';
    } catch (error) {
      if (!(error instanceof WorkerDied))
        return rest(`RAPPORT_OPERATOR_THREW: ${about} could not be asked (${messageOf(error)}).`);
      ended = error;
    }
    const found = marks.slice();
    const at = ended ? found.findIndex((mark) => mark === JUDGED.notYet || mark === JUDGED.underWay) : -1;
    const count = at === -1 ? found.length : at;
    for (const mark of found.subarray(0, count))
      answers.push(
        mark === JUDGED.failed
          ? host.scrub(
              `RAPPORT_OPERATOR_THREW: ${about} has no verdict${failure === '' ? '' : `: ${failure}`}. Whom it concerns stays where it is.`,
            )
          : mark === JUDGED.holds,
      );
    if (!ended || at === -1) return answers;
    if (found[at] !== JUDGED.underWay) {
      // It was not at it: something else ended the worker.
      if (++interruptions <= MAX_INTERRUPTIONS) continue;
      return rest(
        `RAPPORT_OPERATOR_INTERRUPTED: ${about} could not be asked: other plugins ended the worker. Whom it concerns stays where it is.`,
      );
    }
    strikes.set(key, (strikes.get(key) ?? 0) + 1);
    answers.push(host.scrub(stopped(ended, about, left[at], limits.operatorMs)));
  }
}

function stopped({ how, message }: WorkerDied, about: string, fact: KnownFact | undefined, operatorMs: number): string {
  const of = `${about} was stopped at ${inShort(fact)}: ${message}`;
  switch (how) {
    case 'timeout':
      return `RAPPORT_OPERATOR_TIMEOUT: ${of} (limits.operatorMs, for up to ${String(AT_ONCE)} facts: ${String(operatorMs)}). Whom it concerns stays where it is.`;
    case 'memory':
      return `RAPPORT_OPERATOR_MEMORY: ${of} (limits.memoryMb). Whom it concerns stays where it is.`;
    case 'crash':
      return `RAPPORT_OPERATOR_CRASHED: ${of}. Whom it concerns stays where it is.`;
  }
}
