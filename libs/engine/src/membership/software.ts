import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const versionOf = (path: string): string => (require(path) as { readonly version: string }).version;

/** Versions of Rapport's own packages that decide what a run finds. */
export const software: Readonly<Record<string, string>> = {
  '@rapport/engine': versionOf('../../package.json'),
  ...Object.fromEntries(
    ['plugin-host', 'rules', 'sdk', 'store'].map((name) => [
      `@rapport/${name}`,
      versionOf(`@rapport/${name}/package.json`),
    ]),
  ),
};
