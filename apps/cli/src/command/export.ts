import { exit } from '@rapport/errors';
import { requireWorkspace, withWorkspace } from '../workspace.js';
import { namedSubject } from './erase.js';
import type { Outcome, Session } from './outcome.js';
import type { SubjectOptions } from './subject.js';

/** All that is held of an account or user: a line of JSON for each thing, or one list with `--json`. */
export async function exportSubject(
  session: Session,
  options: Pick<SubjectOptions, 'account' | 'user'>,
): Promise<Outcome> {
  const subject = namedSubject(options);
  return withWorkspace(requireWorkspace(session.io, session.workspace), async ({ engine }) => {
    const held: unknown[] = [];
    for await (const item of engine.dataOf(subject)) held.push(item);
    return { json: held, text: held.map((item) => JSON.stringify(item)).join('\n'), exitCode: exit.ok };
  });
}
