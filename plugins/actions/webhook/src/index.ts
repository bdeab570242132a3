import { createHash } from 'node:crypto';
import { defineAction, Type, type Delivery } from '@rapport/sdk';
import { judge, unreachable } from './outcome.js';

/**
 * One signed HTTP POST per delivery, by the Standard Webhooks scheme (https://www.standardwebhooks.com). `webhook-id` is the same on
 * every attempt, so that a receiver can drop repeats; the body is too.
 */
export default defineAction({
  id: 'webhook',
  title: 'Webhook',
  description: 'Sends a signed HTTP request (Standard Webhooks) to one address.',
  config: Type.Object(
    {
      url: Type.String({
        pattern: '^https?://[^\\s]+$',
        description: 'Where to send. Redirects are not followed.',
      }),
      secret: Type.String({
        pattern: '^(whsec_)?[A-Za-z0-9+/]{32,88}={0,2}$',
        secret: true,
        description: 'Signing key: 24 to 64 random bytes in base64, usually written with the prefix `whsec_`.',
      }),
      headers: Type.Record(Type.String(), Type.String(), {
        default: {},
        secret: true,
        description: 'Headers to add, such as an authorization. They cannot replace the ones of the signature.',
      }),
    },
    { additionalProperties: false },
  ),
  input: Type.Object(
    {
      type: Type.Optional(
        Type.String({
          pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$',
          description: 'Event type that the receiver sees; `segment.enter` or `segment.exit` when absent.',
        }),
      ),
      message: Type.Optional(Type.String({ description: 'A sentence for people, passed on as `data.message`.' })),
    },
    { additionalProperties: false },
  ),
  async deliver(delivery, context) {
    const { config, http, sign } = context;
    const id = messageId(delivery.key);
    const timestamp = String(Math.floor(context.now() / 1000));
    const body = payload(delivery);
    const added = Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    const headers = {
      ...Object.fromEntries(added),
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${sign(`${id}.${timestamp}.${body}`, signingKey(config.secret))}`,
    };
    try {
      return judge(await http.fetch(config.url, { method: 'POST', headers, body }), context.now());
    } catch (error) {
      return unreachable(error);
    }
  },
});

/** The bytes of a secret. */
const signingKey = (secret: string) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64');

/** The delivery's key; one that a header cannot carry, or with a full stop (which the signature uses as a separator), as its hash. */
const messageId = (key: string) =>
  /^[\w:-]{1,200}$/.test(key) ? key : `msg_${createHash('sha256').update(key).digest('hex')}`;

function payload({ playbook, step, subject, transition, input }: Delivery<{ type?: string; message?: string }>) {
  const { type = `segment.${transition.change}`, message } = input;
  const data = { playbook, step, subject, transition, ...(message === undefined ? {} : { message }) };
  return JSON.stringify({ type, timestamp: transition.at, data });
}
