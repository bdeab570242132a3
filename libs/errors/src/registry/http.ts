import { section } from '../section.js';

export const http = section({
  title: 'HTTP, both ways',
  exit: 'configuration',
  groups: [
    {
      lead: 'From the API: an answer with the status in the message. From an action: the delivery is retried or parked.',
      codes: {
        RAPPORT_HTTP_UNAUTHORIZED: {
          says: 'send the key of rapport.json (http.apiKey) as a bearer token, or as the user name of basic authentication',
          what: 'The API key is missing or wrong.',
          todo: 'Send `http.apiKey` as a bearer token.',
          status: 401,
        },
        RAPPORT_HTTP_HOST: {
          says: 'without http.apiKey this API answers to localhost only; set one in rapport.json',
          what: 'Without an API key, the API answers to localhost only.',
          todo: 'Set `http.apiKey`.',
          status: 421,
        },
        RAPPORT_HTTP_UNPROTECTED: {
          says: 'others can reach {host}, and there is no API key; set http.apiKey in rapport.json ("$env": "RAPPORT_API_KEY" keeps it out of the file), or listen on 127.0.0.1',
          what: 'Others could reach the API, and there is no API key.',
          todo: 'Set `http.apiKey`, or listen on 127.0.0.1.',
        },
        RAPPORT_HTTP_LISTEN: {
          says: 'cannot listen on {host}:{port} ({reason}); choose another port',
          what: 'The port is not available.',
          todo: 'Choose another with `http.port` or `--port`.',
        },
        RAPPORT_HTTP_NOT_FOUND: {
          what: 'There is no such path.',
          todo: '`GET /` lists the paths.',
          status: 404,
        },
        RAPPORT_HTTP_METHOD: {
          says: '{path} answers {methods}, not {method}',
          what: 'The path does not answer this method.',
          todo: 'Use one that the message names.',
          status: 405,
        },
        RAPPORT_HTTP_QUERY: {
          what: 'A query parameter is not valid.',
          todo: 'Write what the message asks for.',
          status: 400,
        },
        RAPPORT_HTTP_CONTENT_TYPE: {
          says: 'send JSON with "Content-Type: application/json"',
          what: 'The request does not say that its body is JSON.',
          todo: 'Send `Content-Type: application/json`.',
          status: 415,
        },
        RAPPORT_HTTP_ENCODING: {
          what: 'The content encoding or character set is not supported.',
          todo: 'Send UTF-8, compressed with gzip, deflate, br or not at all.',
          status: 415,
        },
        RAPPORT_HTTP_BODY: {
          what: 'The body is incomplete, or does not have the members that the path takes.',
          todo: 'Read the message; send the whole body.',
          status: 400,
        },
        RAPPORT_HTTP_JSON: {
          says: 'the body is not JSON; send one JSON object',
          what: 'The body is not JSON.',
          todo: 'Send one JSON object.',
          status: 400,
        },
        RAPPORT_HTTP_BATCH: {
          what: 'The body has no list `batch`.',
          todo: 'Send `{"batch": [ … ]}`.',
          status: 400,
        },
        RAPPORT_HTTP_TOO_LARGE: {
          what: 'The body or the batch is too large.',
          todo: 'Send less at a time.',
          status: 413,
        },
        RAPPORT_HTTP_NO_RUN: {
          says: 'nothing has been evaluated yet; run "rapport evaluate"',
          what: 'Nothing has been evaluated yet.',
          todo: 'Run `rapport evaluate`.',
          status: 404,
        },
        RAPPORT_HTTP_UNKNOWN_ACCOUNT: {
          what: 'The latest run knows no such account.',
          todo: '`GET /v1/accounts` lists them.',
          status: 404,
        },
        RAPPORT_HTTP_UNKNOWN_SEGMENT: {
          says: 'there is no segment "{segment}"; GET /v1/segments lists them',
          what: 'There is no such segment.',
          todo: '`GET /v1/segments` lists them.',
          status: 404,
        },
        RAPPORT_HTTP_UNKNOWN_RULE: {
          says: 'there is no {rule}; GET /v1/rules lists what is in force',
          what: 'No segment or playbook of this id is in force, or kept.',
          todo: '`GET /v1/rules` lists them.',
          status: 404,
        },
        RAPPORT_HTTP_PRECONDITION_REQUIRED: {
          says: 'send "If-Match" with the ETag of the versions that you have seen (GET …/versions), or "If-None-Match: *" for a first version; so nobody’s change is overwritten unseen',
          what: 'A change does not say which version it is based on.',
          todo: 'Send `If-Match`, or `If-None-Match: *` for a first version.',
          status: 428,
        },
        RAPPORT_HTTP_INTERNAL: {
          what: 'This is a fault of Rapport.',
          todo: 'Look for the request id in the log, and report it.',
          status: 500,
        },
        RAPPORT_HTTP_URL: {
          what: 'An action was given an address that is not an http(s) URL.',
          todo: 'Correct its configuration.',
        },
        RAPPORT_HTTP_PRIVATE_ADDRESS: {
          what: 'An action’s address is not public.',
          todo: 'If that is intended, set `network.allowPrivateAddresses`.',
        },
        RAPPORT_HTTP_REQUEST: {
          what: 'An action’s request is too large or not valid.',
          todo: 'Send less.',
        },
        RAPPORT_HTTP_ABORTED: {
          what: 'The other side did not answer in time.',
          todo: 'Nothing: it is retried.',
        },
        RAPPORT_HTTP_FAILED: {
          what: 'The other side could not be reached.',
          todo: 'Nothing: it is retried.',
        },
      },
    },
  ],
});
