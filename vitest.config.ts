import { defineConfig } from 'vitest/config';
export default defineConfig({
  ssr: { resolve: { conditions: ['@rapport/source', 'module', 'node', 'development|production'] } },
  test: {
    include: ['{apps,libs,plugins,tools}/**/src/**/*.test.ts'],
    pool: 'threads',
    coverage: { provider: 'v8', include: ['{apps,libs,plugins}/**/src/**/*.ts'], exclude: ['**/*.test.ts'] },
  },
});
