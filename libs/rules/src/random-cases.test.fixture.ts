import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** How many times as many random cases as usual; `vitest.config.ts` reads it from RAPPORT_RUNS. */
    runs: number;
  }
}

/** The number of random cases of a test: `usual` in `npm test`, more at night. */
export const randomCases = (usual: number): number => Math.ceil(usual * inject('runs'));
