import { defineOperator, Type } from '@rapport/sdk';

/** The host of an e-mail address, or the text itself where it can be a host; in lower case, without the dot that a full name may end with. Null for neither. */
function hostOf(text: string): string | null {
  const [, host = ''] = /^(?:[^\s@]+@|)([^\s@/:<>]+)$/.exec(text.trim()) ?? [];
  const name = host.toLowerCase().replace(/\.$/, '');
  return name === '' || name.split('.').includes('') ? null : name;
}

/** True of addresses and hosts of one of the domains and of what lies below it: `eu.acme.com` is of `acme.com`, `notacme.com` is not. */
export default defineOperator({
  id: 'has-domain',
  title: 'Has domain',
  description: 'The e-mail address or host name is of one of these domains, or of a subdomain.',
  source: 'RFC 1034, section 3.1: a domain is contained in another if its labels end with the other’s',
  reading: 'text',
  value: Type.Array(
    Type.String({
      pattern: '^[^\\s@/:<>.]+([.][^\\s@/:<>.]+)*$',
      maxLength: 253,
      description: 'A domain such as "acme.com".',
    }),
    { minItems: 1, maxItems: 1000, description: 'Domains, without "@" and without a dot before them.' },
  ),
  words: ['is of one of the domains', 'is of none of the domains'],
  examples: [
    { fact: 'ann@acme.com', value: ['acme.com'], holds: true },
    { fact: 'Ann@EU.Acme.com', value: ['example.org', 'ACME.com'], holds: true },
    { fact: 'www.acme.com', value: ['acme.com'], holds: true },
    { fact: 'ann@notacme.com', value: ['acme.com'], holds: false },
    { fact: 'ann@acme.com.example.org', value: ['acme.com'], holds: false },
    { fact: 'acme', value: ['acme.com'], holds: false },
  ],
  test(fact, domains) {
    const host = hostOf(fact);
    if (host === null) return false;
    return domains.some((domain) => {
      const wanted = domain.toLowerCase();
      return host === wanted || host.endsWith(`.${wanted}`);
    });
  },
});
