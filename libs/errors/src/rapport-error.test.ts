import { describe, expect, expectTypeOf, it } from 'vitest';
import { errorOf, exit, failure, isErrorCode, registered, RapportError, reported } from './index.js';

describe('an error', () => {
  it('has a code, a sentence, and both in its message', () => {
    const cause = new Error('EACCES');
    const error = new RapportError('RAPPORT_STORE_OPEN', '"x" cannot be opened', { cause, pointer: '/store' });
    expect(error).toMatchObject({
      code: 'RAPPORT_STORE_OPEN',
      sentence: '"x" cannot be opened',
      message: 'RAPPORT_STORE_OPEN: "x" cannot be opened',
      pointer: '/store',
      cause,
    });
  });

  it('says what the registry says, with its values in place', () => {
    const error = failure('RAPPORT_HTTP_METHOD', { path: '/v1/{method}', methods: 'GET', method: 'PUT' });
    expect(error.message).toBe('RAPPORT_HTTP_METHOD: /v1/{method} answers GET, not PUT');
    expectTypeOf(failure<'RAPPORT_HTTP_METHOD'>)
      .parameter(1)
      .toEqualTypeOf<Readonly<Record<'path' | 'methods' | 'method', string | number>>>();
    // Without a sentence in the registry there are no values to give.
    expectTypeOf(failure<'RAPPORT_USAGE'>)
      .parameter(1)
      .toBeNever();
  });

  it('is reported with its status and exit code, wherever it was thrown', () => {
    const expected = { code: 'RAPPORT_STORE_LOCKED', status: 503, exit: exit.store, sentence: '"x" is open' };
    expect(reported(new RapportError('RAPPORT_STORE_LOCKED', '"x" is open'))).toMatchObject(expected);
    expect(reported(new TypeError('RAPPORT_STORE_LOCKED: "x" is open'))).toMatchObject(expected);
    expect(reported(Object.assign(new Error('"x" is open'), { code: 'RAPPORT_STORE_LOCKED' }))).toMatchObject(expected);
  });

  it('is not reported where its code is unknown', () => {
    for (const thrown of [new Error('RAPPORT_NO_SUCH: x'), new Error('x'), 'RAPPORT_STORE_LOCKED: x', null, undefined])
      expect(reported(thrown)).toBeNull();
    expect(reported(Object.assign(new Error('no entry'), { code: 'ENOENT' }))).toBeNull();
  });
});

describe('the registry', () => {
  it('has each code once, with a sentence for what happened and one for the way out', () => {
    expect(new Set(registered.map(({ code }) => code)).size).toBe(registered.length);
    const problems = registered.flatMap(({ code, what, todo }) =>
      /^RAPPORT_[A-Z0-9]+(_[A-Z0-9]+)*$/.test(code) && /[.…]$/.test(what) && /[.…]$/.test(todo) ? [] : [code],
    );
    expect(problems).toEqual([]);
  });

  it('has sentences without loose braces, and without a full stop: the command and the pages go on after them', () => {
    const odd = registered.filter(({ says }) => says !== null && /[{}]|\.$/.test(says.replaceAll(/\{\w+\}/g, '')));
    expect(odd).toEqual([]);
  });

  it('knows its own codes only', () => {
    expect(isErrorCode('RAPPORT_USAGE')).toBe(true);
    expect(isErrorCode('toString')).toBe(false);
    expect(errorOf('__proto__')).toBeNull();
  });
});
