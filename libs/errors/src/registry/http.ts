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
          what: 'The port cannot be listened on.',
          todo: 'Choose another with `http.port` or `--port`.',
        },
        RAPPORT_HTTP_NOT_FOUND: {
          what: 'There is no such address.',
          todo: '`GET /` lists what there is.',
          status: 404,
        },
        RAPPORT_HTTP_METHOD: {
          says: '{path} answers {methods}, not {method}',
          what: 'The address does not answer this method.',
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
          what: 'The body is not announced as JSON.',
          todo: 'Send `Content-Type: application/json`.',
          status: 415,
        },
        RAPPORT_HTTP_ENCODING: {
          what: 'The content encoding or character set is not known.',
          todo: 'Send UTF-8; gzip, deflate, br or none.',
          status: 415,
        },
        RAPPORT_HTTP_BODY: {
          what: 'The body cannot be read.',
          todo: 'Send it again, whole.',
          status: 400,
        },
        RAPPORT_HTTP_JSON: {
          says: 'the body is not JSON; send one JSON object',
          what: 'The body is not JSON.',
          todo: 'Send `{"batch": [ … ]}`.',
          status: 400,
        },
        RAPPORT_HTTP_BATCH: {
          what: 'The body has no `batch` that is a list.',
          todo: 'Send `{"batch": [ … ]}`.',
          status: 400,
        },
        RAPPORT_HTTP_TOO_LARGE: {
          what: 'The body or the batch is too large.',
          todo: 'Send fewer calls at a time.',
          status: 413,
        },
        RAPPORT_HTTP_NO_RUN: {
          says: 'nothing has been evaluated yet; run "rapport evaluate"',
          what: 'There is no run yet, or it did not evaluate this.',
          todo: '`rapport evaluate` makes one.',
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
          what: 'A change does not say which version its author has seen.',
          todo: 'Send `If-Match`, or `If-None-Match: *` for a first version.',
          status: 428,
        },
        RAPPORT_HTTP_INTERNAL: {
          what: 'A fault of Rapport.',
          todo: 'Look for the request id in the log, and report it.',
          status: 500,
        },
        RAPPORT_HTTP_URL: {
          what: 'An action was given an address that is no http(s) URL.',
          todo: 'Correct its configuration.',
        },
        RAPPORT_HTTP_PRIVATE_ADDRESS: {
          what: 'An action’s address is not a public one.',
          todo: 'If it is meant, set `network.allowPrivateAddresses`.',
        },
        RAPPORT_HTTP_REQUEST: {
          what: 'An action’s request is too long or not valid.',
          todo: 'Send less.',
        },
        RAPPORT_HTTP_ABORTED: {
          what: 'The other side did not answer in time.',
          todo: 'It is retried.',
        },
        RAPPORT_HTTP_FAILED: {
          what: 'The other side could not be reached.',
          todo: 'It is retried.',
        },
      },
    },
  ],
});
