import { checkOperator } from '@rapport/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import hasDomain from './index.js';

const of = (fact: string, ...domains: string[]) => hasDomain.test(fact, domains);

describe('hasDomain', () => {
  it('is true of addresses and hosts of a domain and below it, in whatever case', () => {
    expect(of('ann@acme.com', 'acme.com')).toBe(true);
    expect(of('ann@mail.eu.acme.com', 'acme.com')).toBe(true);
    expect(of('ACME.COM', 'acme.com')).toBe(true);
    expect(of(' www.acme.com. ', 'Acme.Com')).toBe(true);
    expect(of('ann@acme.com', 'example.org', 'com')).toBe(true);
  });

  it('is false of what only looks like it', () => {
    expect(of('ann@notacme.com', 'acme.com')).toBe(false);
    expect(of('ann@acme.com.example.org', 'acme.com')).toBe(false);
    expect(of('acme.com', 'eu.acme.com')).toBe(false);
    for (const text of [
      '',
      '@',
      '@acme.com',
      'Ann <ann@acme.com>',
      'https://acme.com',
      'acme.com/pricing',
      '.acme.com',
      'a@b@acme.com',
      'acme.com..',
    ])
      expect(of(text, 'acme.com'), text).toBe(false);
  });

  it('is true of whatever is put before a domain with a dot, and false without the dot', () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(label, label, label, (below, name, top) => {
        const domain = `${name}.${top}`;
        expect(of(`ann@${below}.${domain}`, domain)).toBe(true);
        expect(of(`ann@${below}${domain}`, domain)).toBe(false);
      }),
    );
  });

  it('keeps its contract on any text', () => {
    checkOperator(hasDomain);
  });
});
