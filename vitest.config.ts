import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Packages of the workspace are tested from source; see the `exports` of any of them.
  ssr: { resolve: { conditions: ['@rapport/source', 'module', 'node', 'development|production'] } },
  test: {
    // How many times as many random worlds and cases as usual: `npm run test:nightly` tries 20 times as many.
    provide: { runs: Number(process.env['RAPPORT_RUNS'] ?? 1) },
    reporters: ['default', './tools/workspace/slowest-files.mjs'],
    include: ['{apps,libs,plugins,tools}/**/src/**/*.test.ts'],
    pool: 'forks',
    // By default one core is left idle, which on a machine of two is half of it.
    maxWorkers: '100%',
    // A test that hangs must not hang CI, and one that is slow on two busy cores must not fail.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    coverage: {
      provider: 'v8',
      include: ['{apps,libs,plugins}/**/src/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'html'],
    },
  },
});
