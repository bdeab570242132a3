import type { ErrorRequestHandler, RequestHandler } from 'express';

/** Something that ends a request, or keeps a workspace from opening: a stable code, a sentence that names the place and the way out. */
export class HostError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 500,
    /** JSON Pointer into the request body, where one applies. */
    readonly pointer?: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'HostError';
  }
}

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

const TITLES: Readonly<Record<number, string>> = {
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
function bodyFault(error: { readonly type?: unknown; readonly status?: unknown }, limit: string): HostError | null {
  switch (error.type) {
    case 'entity.parse.failed':
      return new HostError('RAPPORT_HTTP_JSON', 'the body is not JSON; send {"batch": [ … ]}', 400, '');
    case 'entity.too.large':
      return new HostError(
        'RAPPORT_HTTP_TOO_LARGE',
        `the body is larger than ${limit}; send fewer calls per batch`,
        413,
      );
    case 'encoding.unsupported':
      return new HostError(
        'RAPPORT_HTTP_ENCODING',
        'this Content-Encoding is not known here; use gzip, deflate, br or none',
        415,
      );
    case 'charset.unsupported':
      return new HostError('RAPPORT_HTTP_ENCODING', 'this charset is not known here; send UTF-8', 415);
    case 'request.aborted':
    case 'request.size.invalid':
      return new HostError('RAPPORT_HTTP_BODY', 'the body ended before its announced length; send it again', 400);
    default:
      return typeof error.status === 'number' && error.status >= 400 && error.status < 500
        ? new HostError(
            'RAPPORT_HTTP_BODY',
            'the request cannot be read; check its path, encoding and body',
            error.status,
          )
        : null;
  }
}

/** Codes of what was named and is not there. */
const UNKNOWN = [
  'RAPPORT_EVALUATE_METRIC',
  'RAPPORT_ANALYSIS_COHORT',
  'RAPPORT_ANALYSIS_RUN',
  'RAPPORT_ANALYSIS_UNKNOWN_SUBJECT',
];

/** What it means for a request that a rule, or a change of one, is not as it must be. */
const RULE_STATUS: Readonly<Record<string, number>> = {
  RAPPORT_RULES_REFUSED: 422,
  RAPPORT_RULES_BACKTEST: 400,
  RAPPORT_RULES_CHANGE: 400,
  RAPPORT_RULES_VERSION: 404,
  RAPPORT_RULES_ELSEWHERE: 409,
  RAPPORT_RULES_UNCHANGED: 409,
  RAPPORT_RULES_USED: 409,
  RAPPORT_RULES_APPROVAL: 403,
  RAPPORT_STORE_DOCUMENT_CONFLICT: 412,
};

function problemOf(error: unknown, limit: string): HostError {
  if (error instanceof HostError) return error;
  if (typeof error === 'object' && error !== null) {
    const fault = bodyFault(error, limit);
    if (fault) return fault;
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    if (typeof code === 'string' && Object.hasOwn(RULE_STATUS, code))
      return new HostError(code, String(message).replace(`${code}: `, ''), RULE_STATUS[code], undefined, {
        cause: error,
      });
    // The database is away or overtaken: the caller may try again. The sentence is the store's own.
    if (typeof code === 'string' && code.startsWith('RAPPORT_STORE_')) {
      return new HostError(code, String(message).replace(`${code}: `, ''), 503, undefined, { cause: error });
    }
    // Something was asked for that cannot be: no such metric, subject, trait, option.
    if (typeof code === 'string' && /^RAPPORT_(EVALUATE|ANALYSIS)_/.test(code)) {
      const status = UNKNOWN.includes(code) ? 404 : 400;
      return new HostError(code, String(message).replace(`${code}: `, ''), status, undefined, { cause: error });
    }
  }
  // Whatever else it is, its message may quote what it should not.
  return new HostError(
    'RAPPORT_HTTP_INTERNAL',
    'this is a fault on our side; look for the request id in the log',
    500,
    undefined,
    {
      cause: error,
    },
  );
}

/** Answers every error with a problem document. `limit` is the body limit, for the sentence. */
export const problems =
  (limit: string): ErrorRequestHandler =>
  (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const fault = problemOf(error, limit);
    const cause = fault.cause ?? fault;
    if (fault.status >= 500) request.log.error({ err: cause, code: fault.code }, 'request failed');
    const problem: Problem = {
      type: 'about:blank',
      title: TITLES[fault.status] ?? 'Bad request',
      status: fault.status,
      code: fault.code,
      detail: fault.message.replace(`${fault.code}: `, ''),
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
  throw new HostError(
    'RAPPORT_HTTP_NOT_FOUND',
    `there is no ${request.method} ${request.path}; GET / lists what there is`,
    404,
  );
};

/** For a path that exists with another method. */
export const onlyMethods =
  (...methods: readonly string[]): RequestHandler =>
  (request, response) => {
    response.setHeader('Allow', methods.join(', '));
    throw new HostError(
      'RAPPORT_HTTP_METHOD',
      `${request.path} answers ${methods.join(' and ')}, not ${request.method}`,
      405,
    );
  };
