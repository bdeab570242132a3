export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Properties = Readonly<Record<string, Json>>;

/**
 * One ingested call, validated and normalised. Ids (message, user, account, session) and event names are not empty; all text is well-formed
 * Unicode without U+0000; numbers are finite; `time` is whole ms. `id` is the caller's `messageId`: a message whose id was ever accepted before is dropped
 * whole. A `group` call may carry both `traits` and `member`.
 */
export interface Message {
  readonly id: string;
  /** When it happened, epoch ms. */
  readonly time: number;
  readonly event?: {
    readonly name: string;
    readonly user: string | null;
    /** Null: the account the user belonged to at that time (its latest membership at or before `time`; ties: greatest message id), worked out by the store whatever the order of arrival. */
    readonly account: string | null;
    readonly session: string | null;
    readonly properties: Properties;
  };
  /** New values of a subject's traits from `time` on (ties: greatest message id wins). Null removes a trait. Names the subject, also without values. */
  readonly traits?: { readonly of: 'account' | 'user'; readonly subject: string; readonly values: Properties };
  /** From `time` on the user belongs to the account. */
  readonly member?: { readonly user: string; readonly account: string };
}
