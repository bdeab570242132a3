import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * The floors of the house: which packages of Rapport each package may import. Imports only ever point down.
 * docs/decisions/0001 says why; tools/workspace/src/floors.test.ts tries the table out, and holds every manifest to it.
 */
const everything = ['.*'];
const stores = ['store-duckdb', 'store-mongodb'];
const floors = {
  'libs/sdk': [],
  'libs/errors': [],
  'libs/rules': ['sdk'],
  'libs/store': ['errors', 'sdk'],
  'libs/scaffold': ['errors', 'sdk'],
  'libs/simulate': ['errors'],
  'libs/testkit': ['errors', 'sdk', 'store', 'store-testkit', ...stores, 'rules'],
  'libs/client': ['sdk'],
  'libs/store-*': ['errors', 'sdk', 'store'],
  'libs/store-testkit': ['errors', 'sdk', 'store'],
  'libs/plugin-host': ['errors', 'sdk', 'store', 'rules'],
  'libs/playbooks': ['errors', 'sdk', 'store', 'plugin-host'],
  'libs/engine': ['errors', 'sdk', 'store', 'rules', 'plugin-host', 'playbooks'],
  'plugins/*/*': ['sdk'],
  'apps/host': ['errors', 'sdk', 'store', 'rules', 'engine', 'plugin-host', 'playbooks', ...stores, 'client'],
  'apps/cli': [
    'errors',
    'sdk',
    'store',
    'rules',
    'engine',
    'plugin-host',
    'playbooks',
    ...stores,
    'client',
    'host',
    'scaffold',
    'simulate',
    'testkit',
  ],
  'apps/console': ['client'],
  'tools/*': everything,
};
/** What the tests of a floor may import besides. */
const floorsOfTests = {
  'plugins/*/*': ['testkit'],
  'libs/store-*': ['store-testkit'],
  'libs/simulate': ['engine', 'sdk'],
  'libs/engine': ['store-duckdb', 'store-testkit'],
};

/**
 * The rooms of the engine, from the ground up: a room imports itself and what stands before it. `run.ts`, `engine.ts` and the
 * other files beside the rooms may import them all; a room imports only types of these.
 */
const rooms = {
  measurement: [],
  membership: ['measurement'],
  rules: ['measurement', 'membership'],
  analysis: ['measurement'],
};
const roomsAbove = (room) => Object.keys(rooms).filter((other) => other !== room && !rooms[room].includes(other));
const upstairs = (room) => ({
  regex: `^\\.\\./(${[...roomsAbove(room), 'engine\\.js', 'run\\.js'].join('|')})`,
  message: `libs/engine/src/${room} may import only ${[room, ...rooms[room]].join(', ')} of the engine's rooms.`,
});

const stayInside = {
  regex: '^\\.{1,2}/(.*/)?(src|dist)/|^@rapport/[^/]+/(src|dist)(/|$)',
  message: 'Import another package by its name, and only what its "exports" offer.',
};
const only = (folder, names) => ({
  regex: names.length === 0 ? '^@rapport/' : `^@rapport/(?!(${names.join('|')})(/|$))`,
  message:
    names.length === 0
      ? `${folder} is the ground floor: it imports nothing of Rapport.`
      : `${folder} may import only ${names.map((n) => `@rapport/${n}`).join(', ')} of Rapport: imports point down (docs/decisions/0001).`,
});
const databases = {
  regex: '^(mongodb|@duckdb/.*)$',
  message: 'Databases are known to their store package only; go through the ports of @rapport/store.',
};
const platform = { regex: '^node:', message: 'This floor does no I/O: take what you need as a parameter.' };

const restricted = (patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });
const extra = (folder) => [
  ...(/^(libs\/store-|tools|apps)/.test(folder) ? [] : [databases]),
  ...(['libs/sdk', 'libs/errors', 'libs/rules', 'libs/scaffold'].includes(folder) ? [platform] : []),
];

const syntax = {
  defaultExport: {
    selector: 'ExportDefaultDeclaration, ExportSpecifier[exported.name="default"]',
    message: 'Export by name; only a plugin’s index.ts and a tool’s configuration have a default export.',
  },
  localeCompare: {
    selector: 'MemberExpression[property.name="localeCompare"]',
    message: 'Order by code units (a < b): localeCompare depends on the machine.',
  },
  wallClock: {
    selector:
      'CallExpression[callee.object.name="Date"][callee.property.name="now"], NewExpression[callee.name="Date"][arguments.length=0]',
    message: 'Take the instant as a parameter: same events, same asOf, same result.',
  },
  chance: {
    selector: 'CallExpression[callee.object.name="Math"][callee.property.name="random"]',
    message: 'Take a seed: same input, same result.',
  },
};
/** `x.test.ts`, and what only a test needs beside it, such as `x.test.fixture.ts`. */
const tests = '**/*.test{,.*}.ts';

export default defineConfig(
  globalIgnores(['**/dist', '**/node_modules', '**/coverage', '.nx']),
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: './tsconfig.lint.json',
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Numbers and booleans print the same everywhere; messages are made of them.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `() => stop()` reads better than a block.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // An argument that is not used yet still names what is passed; `_` says that it is on purpose.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', syntax.defaultExport, syntax.localeCompare],
    },
  },
  {
    files: ['{libs/{sdk,rules},plugins/*/*}/src/**/*.ts'],
    ignores: [tests],
    rules: {
      'no-restricted-syntax': ['error', syntax.defaultExport, syntax.localeCompare, syntax.wallClock, syntax.chance],
      'no-console': 'error',
    },
  },
  {
    files: ['plugins/*/*/src/index.ts'],
    rules: { 'no-restricted-syntax': ['error', syntax.localeCompare, syntax.wallClock, syntax.chance] },
  },
  { files: ['*.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
  ...Object.entries(floors).flatMap(([folder, names]) => [
    {
      files: [`${folder}/src/**/*.ts`],
      ...(folder in floorsOfTests ? { ignores: [tests] } : {}),
      rules: restricted([stayInside, ...(names === everything ? [] : [only(folder, names)]), ...extra(folder)]),
    },
    ...(folder in floorsOfTests
      ? [
          {
            files: [`${folder}/src/${tests}`],
            rules: restricted([stayInside, only(folder, [...names, ...floorsOfTests[folder]])]),
          },
        ]
      : []),
  ]),
  ...Object.keys(rooms).map((room) => ({
    files: [`libs/engine/src/${room}/**/*.ts`],
    ignores: [tests],
    rules: restricted([
      stayInside,
      only('libs/engine', floors['libs/engine']),
      upstairs(room),
      ...extra('libs/engine'),
    ]),
  })),
  {
    files: [tests],
    rules: {
      // In a test a wrong `!` fails the test, which is what it is for.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  // The few scripts without types: Nx loads generators as CommonJS, Node starts bin files as they are.
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.recommended],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
