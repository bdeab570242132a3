import { createInterface } from 'node:readline';
import { exit, RapportError } from '@rapport/errors';
import { count } from '../table.js';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import type { Outcome, Session } from './outcome.js';
import { inWords, subjectOf, type SubjectOptions } from './subject.js';

export interface EraseOptions extends Pick<SubjectOptions, 'account' | 'user'> {
  readonly yes: boolean;
}

/** Whom `--account` or `--user` names. Fails with `RAPPORT_USAGE` where they name nobody, or two. */
export function namedSubject(options: Pick<SubjectOptions, 'account' | 'user'>) {
  const { kind, id } = subjectOf(options, ['account', 'user']);
  if (kind !== 'portfolio') return { kind, id };
  throw new RapportError('RAPPORT_USAGE', 'name whom: --account ID or --user ID');
}

/** Forgets an account or user, once somebody has said yes, and says how much went. Nothing is erased without it (`RAPPORT_ERASE_REFUSED`). */
export async function erase(session: Session, options: EraseOptions): Promise<Outcome> {
  const subject = namedSubject(options);
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    if (!options.yes && !(await isConfirmed(session, `Erase ${inWords(subject)} for good? [y/N]`)))
      throw new RapportError('RAPPORT_ERASE_REFUSED', `${inWords(subject)} was not erased; answer y, or add --yes`);
    const erased = await engine.erase(subject);
    const { events, traits, members, memberships, transitions, deliveries, results, history } = erased;
    const parts = [
      [events, 'events'],
      [traits, 'messages with traits'],
      [members, 'messages that put a user into an account'],
      [results, 'rows of results'],
      [history, 'days of history'],
      [memberships, 'segment memberships'],
      [transitions, 'transitions'],
      [deliveries, 'deliveries'],
    ] as const;
    const text = [`Erased ${inWords(subject)}:`, ...parts.map(([number, what]) => `  ${count(number)} ${what}`)];
    if (parts.every(([number]) => number === 0)) text.splice(0, Infinity, `Nothing was held of ${inWords(subject)}.`);
    return { json: { ...subject, erased }, text: text.join('\n'), exitCode: exit.ok };
  });
}

async function isConfirmed({ io }: Session, question: string): Promise<boolean> {
  io.stderr.write(`${question} `);
  const lines = createInterface({ input: io.stdin });
  for await (const line of lines) return /^y(es)?$/i.test(line.trim());
  return false;
}
