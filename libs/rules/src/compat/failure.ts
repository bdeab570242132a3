import type { Problem } from '../problem.js';

/**
 * Why a rule has no verdict on some facts, as an exception. Most are known when the rule is compiled and made then, so that throwing one costs
 * neither an allocation nor a stack trace.
 */
export type Failure = Error & { readonly problem: Problem };

export const failure = (code: string, pointer: string, message: string): Failure =>
  Object.assign(new Error(message), { problem: Object.freeze({ code, pointer, message }) });

export const isFailure = (thrown: unknown): thrown is Failure => thrown instanceof Error && 'problem' in thrown;

/** The problem that an exception stands for. Of one that is no `Failure` (a stack that overflows, say) its message is all there is. */
export const problemOf = (thrown: unknown): Problem =>
  isFailure(thrown)
    ? thrown.problem
    : { code: 'RAPPORT_RULES_FAILED', pointer: '', message: `cannot be evaluated: ${messageOf(thrown)}` };

/** An exception's text. What an operator throws may be anything. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : 'something was thrown that is no error';
