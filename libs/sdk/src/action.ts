import type { TObject, TProperties } from 'typebox';
import type { ConfigOf } from './metric.js';

/** One step of one playbook for one transition of one subject. */
export interface Delivery<I = unknown> {
  /** Idempotency key: the same on every attempt and after every restart. Pass it on, so that the receiver can drop repeats. */
  readonly key: string;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly playbook: { readonly id: string; readonly version: string };
  readonly step: string;
  readonly subject: { readonly kind: 'account' | 'user'; readonly id: string };
  readonly transition: {
    readonly segment: string;
    readonly change: 'enter' | 'exit';
    readonly at: string;
    readonly reason: string;
    readonly facts: Readonly<Record<string, unknown>>;
  };
  readonly input: I;
}

/** Delivered, or not: `retry: false` parks the delivery for a person to look at. */
export type Outcome =
  | { readonly delivered: true; readonly detail?: string }
  | { readonly delivered: false; readonly retry: boolean; readonly reason: string; readonly retryAfterMs?: number };

export interface HttpRequest {
  /** Default `GET`. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** At most 1 MiB; a `GET` has none. */
  readonly body?: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** At most 64 KiB of the response. */
  readonly body: string;
}

export interface ActionContext<C> {
  readonly config: C;
  /** Epoch ms. */
  readonly now: () => number;
  /**
   * HTTP and HTTPS, supplied by the host. Refuses private addresses unless the workspace allows them; follows no redirect; stops when `signal` fires.
   * Throws `RAPPORT_HTTP_*`.
   */
  readonly http: { readonly fetch: (url: string, request?: HttpRequest) => Promise<HttpResponse> };
  /** HMAC-SHA256 of a text, in base64. A key given as text is its UTF-8 bytes. */
  readonly sign: (text: string, key: string | Uint8Array) => string;
  /** Fires when the delivery's time is up. */
  readonly signal: AbortSignal;
}

export interface ActionDefinition<C extends TProperties = TProperties, I extends TProperties = TProperties> {
  readonly kind: 'action';
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Configuration of the channel. Mark secrets with `secret: true` in their schema: they are never shown. */
  readonly config: TObject<C>;
  /** What a playbook step may say under `with`. */
  readonly input: TObject<I>;
  deliver(delivery: Delivery<ConfigOf<I>>, context: ActionContext<ConfigOf<C>>): Promise<Outcome>;
}

/** Declares an action. The package's default export. */
export const defineAction = <C extends TProperties, I extends TProperties>(
  definition: Omit<ActionDefinition<C, I>, 'kind'>,
): ActionDefinition<C, I> => ({
  kind: 'action',
  ...definition,
});
