import tseslint from 'typescript-eslint';
export default tseslint.config(
  { ignores: ['**/dist', '.nx', '**/*.{js,cjs,mjs}', '*.config.ts'] },
  ...tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  { files: ['plugins/**/*.ts'], rules: { 'no-restricted-imports': ['error', { patterns: [
    { group: ['@rapport/*', '!@rapport/sdk'], message: 'A plugin may import only @rapport/sdk.' },
    { regex: '^\\.\\./.*/(src|dist)/', message: 'Stay inside the package.' },
  ] }] } },
);
