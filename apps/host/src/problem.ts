import { type ErrorCode, type ErrorStatus, failure, RapportError, reported } from '@rapport/errors';
import type { ErrorRequestHandler, RequestHandler } from 'express';

/** A problem document (RFC 9457). */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  /** `RAPPORT_…` */
  readonly code: string;
  readonly detail: string;
  readonly pointer?: string;
  /** The request's id, as in the log. */
  readonly instance: string;
}

const TITLES: Readonly<Record<ErrorStatus, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  412: 'Precondition failed',
  413: 'Content too large',
  415: 'Unsupported media type',
  421: 'Misdirected request',
  422: 'Unprocessable content',
  428: 'Precondition required',
  500: 'Internal error',
  503: 'Unavailable',
};

/** Faults that the JSON body parser reports by `type`. */
function bodyFault(error: { readonly type?: unknown; readonly status?: unknown }, limit: string): RapportError | null {
  switch (error.type) {
    case 'entity.parse.failed':
      return failure('RAPPORT_HTTP_JSON', {}, { pointer: '' });
    case 'entity.too.large':
      return new RapportError('RAPPORT_HTTP_TOO_LARGE', `the body is larger than ${limit}; send fewer calls per batch`);
    case 'encoding.unsupported':
      return new RapportError(
        'RAPPORT_HTTP_ENCODING',
        'this Content-Encoding is not known here; use gzip, deflate, br or none',
      );
    case 'charset.unsupported':
      return new RapportError('RAPPORT_HTTP_ENCODING', 'this charset is not known here; send UTF-8');
    case 'request.aborted':
    case 'request.size.invalid':
      return new RapportError('RAPPORT_HTTP_BODY', 'the body ended before its announced length; send it again');
    default:
      return typeof error.status === 'number' && error.status >= 400 && error.status < 500
        ? new RapportError('RAPPORT_HTTP_BODY', 'the request cannot be read; check its path, encoding and body')
        : null;
  }
}

/** What a request ends with: the error's own status and sentence where clients may see it, else a fault on our side. */
interface Fault {
  readonly code: ErrorCode;
  readonly status: ErrorStatus;
  readonly sentence: string;
  readonly pointer: string | undefined;
  /** What the log shows. */
  readonly cause: unknown;
}

function faultOf(thrown: unknown, limit: string): Fault {
  const error = (typeof thrown === 'object' && thrown !== null && bodyFault(thrown, limit)) || thrown;
  const known = reported(error);
  if (known !== null && known.status !== null) {
    const { code, status, sentence } = known;
    return { code, status, sentence, pointer: error instanceof RapportError ? error.pointer : undefined, cause: error };
  }
  // Whatever else it is, its message may quote what it should not.
  const sentence = 'this is a fault on our side; look for the request id in the log';
  return { code: 'RAPPORT_HTTP_INTERNAL', status: 500, sentence, pointer: undefined, cause: error };
}

/** Answers every error with a problem document. `limit` is the body limit, for the sentence. */
export const problems =
  (limit: string): ErrorRequestHandler =>
  (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const fault = faultOf(error, limit);
    if (fault.status >= 500) request.log.error({ err: fault.cause, code: fault.code }, 'request failed');
    const problem: Problem = {
      type: 'about:blank',
      title: TITLES[fault.status],
      status: fault.status,
      code: fault.code,
      detail: fault.sentence,
      ...(fault.pointer === undefined ? {} : { pointer: fault.pointer }),
      instance: `urn:request:${typeof request.id === 'string' ? request.id : ''}`,
    };
    response.removeHeader('ETag');
    // Names the charset outright: Express would add it, and RFC 9457 has none.
    response.status(fault.status).setHeader('Content-Type', 'application/problem+json');
    response.end(JSON.stringify(problem));
  };

/** The last route. */
export const notFound: RequestHandler = (request) => {
  throw new RapportError(
    'RAPPORT_HTTP_NOT_FOUND',
    `there is no ${request.method} ${request.path}; GET / lists what there is`,
  );
};

/** For a path that exists with another method. */
export const onlyMethods =
  (...methods: readonly string[]): RequestHandler =>
  (request, response) => {
    response.setHeader('Allow', methods.join(', '));
    throw failure('RAPPORT_HTTP_METHOD', {
      path: request.path,
      methods: methods.join(' and '),
      method: request.method,
    });
  };
