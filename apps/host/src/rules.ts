import { Router, text, type Request, type Response } from 'express';
import { readJson } from '@rapport/rules';
import { documentChanges, documentsAmong, type Change, type Engine } from '@rapport/engine';
import { readAsOf, zone } from '@rapport/sdk/time';
import type { DocumentVersion } from '@rapport/store';
import { isKnown } from './fresh.js';
import { failure, RapportError } from '@rapport/errors';
import { onlyMethods } from './problem.js';
import { onlyParameters } from './query.js';

const BODY = text({ limit: '1mb', type: ['application/json', 'application/*+json'] });
type Body = Readonly<Record<string, unknown>>;

/** Most bytes of a body, and levels of objects and lists in it. */
const MOST_BYTES = 1_048_576;
const MOST_LEVELS = 100;

/** The request's body, with these members and no others. */
function bodyOf(request: Request, ...known: readonly string[]): Body {
  const sent: unknown = request.body;
  if (typeof sent !== 'string') throw failure('RAPPORT_HTTP_CONTENT_TYPE', {});
  const read = readJson(sent, MOST_BYTES, MOST_LEVELS);
  const [problem] = read.ok ? [] : read.problems;
  if (problem) {
    const { code, line, column, message, pointer } = problem;
    const place = `line ${String(line)}, column ${String(column)}`;
    throw new RapportError('RAPPORT_HTTP_BODY', `the body, ${place}: ${message} (${code})`, { pointer });
  }
  const body: unknown = read.ok ? read.value : null;
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new RapportError('RAPPORT_HTTP_BODY', `the body must be an object with ${known.join(', ')}`, { pointer: '' });
  const odd = Object.keys(body).find((name) => !known.includes(name));
  if (odd !== undefined)
    throw new RapportError(
      'RAPPORT_HTTP_BODY',
      `"${odd.slice(0, 100)}" is not known here; there are ${known.join(', ')}`,
      { pointer: `/${odd.slice(0, 100)}` },
    );
  return body as Body;
}

const wrong = (name: string, must: string) =>
  new RapportError('RAPPORT_HTTP_BODY', `"${name}" must be ${must}`, { pointer: `/${name}` });

function textIn(body: Body, name: string): string {
  const value = body[name];
  if (typeof value !== 'string' || value === '') throw wrong(name, 'a text that is not empty');
  return value;
}
function wholeIn(body: Body, name: string): number {
  const value = body[name];
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrong(name, 'a whole number');
  return value;
}
function atLeastOne(body: Body, name: string): number {
  const value = wholeIn(body, name);
  if (value < 1) throw wrong(name, 'a whole number of at least 1');
  return value;
}
/** Members that are there, read. */
const maybe = <T>(body: Body, name: string, read: (body: Body, name: string) => T) =>
  Object.hasOwn(body, name) ? { [name]: read(body, name) } : {};

function outcomeIn(body: Body, name: string): 'churn' | 'renewal' | readonly string[] {
  const value = body[name];
  if (value === 'churn' || value === 'renewal') return value;
  if (Array.isArray(value) && value.length > 0 && value.every((event) => typeof event === 'string')) return value;
  throw wrong(name, '"churn", "renewal" or a list of names of events');
}
function textsIn(body: Body, name: string): readonly string[] {
  const value = body[name];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw wrong(name, 'a list of texts');
}

/** Subjects of each kind that a request verifies where it names no number, and the time that it may take. The command has no such bounds. */
const VERIFIED = 1000;
const VERIFY_MS = 60_000;

const etagOf = (version: string) => `"${version}"`;
const shown = (version: DocumentVersion) => ({ ...version, at: new Date(version.at).toISOString() });

/** The number in `If-Match`: which version the author has seen; 0 for `If-None-Match: *`, that is, none. Throws `RAPPORT_HTTP_PRECONDITION_REQUIRED` without either. */
function seenBy(request: Request): number {
  if (request.headers['if-none-match'] === '*') return 0;
  const number = /^"(\d{1,9})"$/.exec(request.headers['if-match'] ?? '')?.[1];
  if (number !== undefined) return Number(number);
  throw failure('RAPPORT_HTTP_PRECONDITION_REQUIRED', {});
}

/** `/v1/rules`: documents in force and their versions; looked over, tried, published. */
export function ruleRoutes(engine: Engine): Router {
  const router = Router();
  const { rules } = engine;
  const instantIn = (body: Body, name: string): number => {
    const instant = readAsOf(textIn(body, name), zone(engine.store.zone));
    if (instant === null)
      throw wrong(name, 'a date or an instant, as in 2024-12-31 (the end of that day) or 2024-12-31T18:30:00Z');
    return instant;
  };
  // Other hosts of the workspace publish, too.
  router.use(async (_request, _response, next) => {
    await rules.refresh();
    next();
  });
  const post = (path: string, answer: (request: Request, response: Response) => Promise<unknown>) =>
    router
      .route(path)
      .post(BODY, async (request, response) => {
        onlyParameters(request);
        response.json(await answer(request, response));
      })
      .all(onlyMethods('POST'));

  router
    .route('/')
    .get((request, response) => {
      onlyParameters(request);
      response.json({
        items: documentsAmong(engine.plugins).map(({ kind, name, version, document: { id, title, description, subject } }) => ({
          kind, id, title, description: description ?? null, subject, version, from: name,
        })),
        refused: engine.refused,
      }); // prettier-ignore
    })
    .all(onlyMethods('GET'));

  post('/check', async (request) => {
    const { document } = bodyOf(request, 'document');
    return { problems: await rules.check(document), warnings: await rules.warnings(document) };
  });
  post('/lint', async (request) => {
    const body = bodyOf(request, 'text');
    return { findings: await rules.lint(textIn(body, 'text')) };
  });
  post('/test', (request) => rules.test(textIn(bodyOf(request, 'text'), 'text')));
  post('/preview', (request) => {
    const body = bodyOf(request, 'document', 'asOf', 'samples');
    return rules.preview(body['document'], { ...maybe(body, 'asOf', instantIn), ...maybe(body, 'samples', wholeIn) });
  });
  post('/backtest', (request) => {
    const body = bodyOf(request, 'document', 'asOf', 'days', 'outcome', 'horizonDays', 'bands');
    return rules.backtest(body['document'], {
      ...maybe(body, 'asOf', instantIn),
      ...maybe(body, 'days', wholeIn),
      ...maybe(body, 'outcome', outcomeIn),
      ...maybe(body, 'horizonDays', wholeIn),
      ...maybe(body, 'bands', textsIn),
    });
  });
  post('/explain', (request) => {
    const body = bodyOf(request, 'document', 'subject', 'asOf');
    return rules.explain(body['document'], { subject: textIn(body, 'subject'), ...maybe(body, 'asOf', instantIn) });
  });
  post('/verify', (request) => {
    const body = bodyOf(request, 'documents', 'subjects', 'asOf');
    return rules.verify({
      ...maybe(body, 'documents', textsIn),
      ...maybe(body, 'asOf', instantIn),
      subjects: Object.hasOwn(body, 'subjects') ? atLeastOne(body, 'subjects') : VERIFIED,
      timeoutMs: VERIFY_MS,
    });
  });
  post('/diff', (request) => {
    const { before, after } = bodyOf(request, 'before', 'after');
    return Promise.resolve({ changes: documentChanges(before ?? null, after ?? null) });
  });

  const keyOf = (request: Request): string => {
    const { kind, id } = request.params as { readonly kind: string; readonly id: string };
    if (kind === 'segment' || kind === 'playbook') return `${kind}/${id}`;
    throw new RapportError(
      'RAPPORT_HTTP_NOT_FOUND',
      `there is no ${request.method} ${request.baseUrl}${request.path}; rules are /segment/ID or /playbook/ID`,
    );
  };
  const unknown = (key: string) => failure('RAPPORT_HTTP_UNKNOWN_RULE', { rule: key.slice(0, 200) });
  const changeIn = (request: Request, body: Body): Change => ({
    author: textIn(body, 'author'),
    reason: textIn(body, 'reason'),
    after: seenBy(request),
  });

  router
    .route('/:kind/:id')
    .get((request, response) => {
      onlyParameters(request);
      const key = keyOf(request);
      const found = documentsAmong(engine.plugins).find(({ document }) => `${document.kind}/${document.id}` === key);
      if (!found) throw unknown(key);
      if (isKnown(request, response, etagOf(found.version))) return;
      response.json({ version: found.version, from: found.name, document: found.document });
    })
    .put(BODY, async (request, response) => {
      onlyParameters(request);
      const key = keyOf(request);
      const body = bodyOf(request, 'document', 'author', 'reason');
      const { document } = body;
      const named =
        typeof document === 'object' && document !== null ? (document as { kind?: unknown; id?: unknown }) : {};
      if (`${String(named.kind)}/${String(named.id)}` !== key)
        throw new RapportError(
          'RAPPORT_HTTP_BODY',
          `the document is not ${key}: its kind and id must be those of the path`,
          { pointer: '/document' },
        );
      const { version, needsApproval, preview } = await rules.publish(document, changeIn(request, body));
      response.setHeader('ETag', etagOf(String(version.number)));
      response.status(needsApproval ? 202 : 201).json({ version: shown(version), needsApproval, preview });
    })
    .all(onlyMethods('GET', 'PUT'));

  router
    .route('/:kind/:id/versions')
    .get(async (request, response) => {
      onlyParameters(request);
      const key = keyOf(request);
      const versions = await rules.versions(key);
      if (versions.length === 0) throw unknown(key);
      if (isKnown(request, response, etagOf(String(versions.at(-1)?.number)))) return;
      response.json({ key, items: versions.map(shown) });
    })
    .all(onlyMethods('GET'));

  const change = (
    path: string,
    members: readonly string[],
    put: (key: string, body: Body, change: Change) => Promise<DocumentVersion>,
  ) =>
    post(`/:kind/:id/${path}`, async (request, response) => {
      const body = bodyOf(request, ...members, 'author', 'reason');
      const version = await put(keyOf(request), body, changeIn(request, body));
      response.status(201).setHeader('ETag', etagOf(String(version.number)));
      return { version: shown(version) };
    });
  change('approve', ['number'], (key, body, by) => rules.approve(key, wholeIn(body, 'number'), by));
  change('rollback', ['number'], (key, body, by) => rules.rollback(key, wholeIn(body, 'number'), by));
  change('retire', [], (key, _body, by) => rules.retire(key, by));
  return router;
}
