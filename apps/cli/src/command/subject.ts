import { RapportError } from '@rapport/errors';

export interface SubjectOptions {
  readonly account?: string;
  readonly user?: string;
  readonly family?: string;
}

/** Whom the options name; the portfolio, whose id is '', when they name nobody. Throws `RAPPORT_USAGE` when they name two. */
export function subjectOf<K extends keyof SubjectOptions>(
  options: Readonly<Partial<Record<K, string>>>,
  kinds: readonly K[],
): { readonly kind: K | 'portfolio'; readonly id: string } {
  const named = kinds.flatMap((kind) => {
    const id = options[kind];
    return id === undefined ? [] : [{ kind, id }];
  });
  if (named.length > 1)
    throw new RapportError(
      'RAPPORT_USAGE',
      `${named.map(({ kind }) => `--${kind}`).join(' and ')} exclude each other; name one`,
    );
  return named[0] ?? { kind: 'portfolio', id: '' };
}

export const inWords = ({ kind, id }: { readonly kind: string; readonly id: string }): string =>
  kind === 'portfolio' ? 'the portfolio' : `${kind} ${id}`;
