import type { PluginKind } from '@rapport/sdk';
import { action } from './action.js';
import { ScaffoldError } from './error.js';
import { metric } from './metric.js';
import { operator } from './operator.js';
import { playbook } from './playbook.js';
import { sample } from './sample.js';
import { segment } from './segment.js';
import { titleOf, type Template } from './template.js';

/** Text of each file, by path inside the package. */
export type Files = Readonly<Record<string, string>>;

export interface NewPlugin {
  readonly kind: PluginKind;
  readonly id: string;
  /** Name of the package. */
  readonly name: string;
  /** Versions of Rapport's packages that it is written for. */
  readonly versions: { readonly sdk: string; readonly testkit: string };
}
/** A package that stands alone also brings the command, and what an editor completes its document by. */
export interface NewOwnPlugin extends NewPlugin {
  readonly versions: NewPlugin['versions'] & { readonly cli: string };
  /** JSON Schemas of documents. */
  readonly schemas: Readonly<Record<'segment' | 'playbook', object>>;
  /** Where npm finds `@rapport/*`; null where npm knows that by itself. */
  readonly registry: string | null;
}

const templates: Readonly<Record<PluginKind, (id: string) => Template>> = {
  metric,
  segment,
  playbook,
  action,
  operator,
};
/** What a plugin can be. */
export const kinds: readonly string[] = Object.keys(templates);

/** What a package that stands alone is built and tested with; the same versions as this repository's. */
export const pins = { '@types/node': '20.19.43', typescript: '6.0.3', vitest: '4.1.12' } as const;

/** Throws `RAPPORT_SCAFFOLD_KIND` and `RAPPORT_SCAFFOLD_ID`. */
export function checkRequest(kind: string, id: string): asserts kind is PluginKind {
  if (!kinds.includes(kind)) {
    throw new ScaffoldError('RAPPORT_SCAFFOLD_KIND', `"${kind}" is not a kind of plugin; write ${kinds.join(', ')}`);
  }
  // Documents call an operator by its id in camelCase, so that its words begin with letters.
  const pattern = kind === 'operator' ? /^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/ : /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
  if (!pattern.test(id) || id.length > 64) {
    throw new ScaffoldError(
      'RAPPORT_SCAFFOLD_ID',
      `"${id}" cannot be a plugin's id; write lower-case words with dashes, as in "time-in-product"`,
    );
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const caret = (version: string) => `^${version}`;

function templateOf({ kind, id, name }: NewPlugin): Template {
  checkRequest(kind, id);
  if (!/^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/.test(name) || name.length > 214) {
    throw new ScaffoldError(
      'RAPPORT_SCAFFOLD_NAME',
      `"${name}" cannot be a package's name; write one such as "@acme/${kind}-${id}"`,
    );
  }
  return templates[kind](id);
}

/** The package that provides what a manifest requires. */
const packageOf = (required: string): string =>
  `@rapport/${required.includes('/') ? required.replace('/', '-') : `metric-${required}`}`;

/** What is the same wherever the package lives. */
const sources = ({ id }: NewPlugin, { source, test, document }: Template): Files => ({
  ...(document === undefined ? {} : { [`src/${id}.json`]: document }),
  'src/index.ts': source,
  'src/index.test.ts': test,
  'CHANGELOG.md': '# Changelog\n\n## 0.1.0\n\nFirst version.\n',
});
const manifest = ({ kind, id, name, versions }: NewPlugin, { requires }: Template) => ({
  name,
  version: '0.1.0',
  description: `${titleOf(id)} (${kind})`,
  type: 'module',
  keywords: ['rapport-plugin'],
  rapport: { kind, id, sdk: caret(versions.sdk), ...(requires && { requires }) },
  // Peers: whoever installs the plugin gets what it requires, once, and the host's SDK.
  peerDependencies: {
    ...Object.fromEntries(Object.entries(requires ?? {}).map(([key, range]) => [packageOf(key), range])),
    '@rapport/sdk': caret(versions.sdk),
  },
});
const readme = ({ id }: NewPlugin, template: Template, commands: string): string =>
  `# ${titleOf(id)}\n\n${template.readme}\n## Working on it\n\n\`\`\`sh\n${commands}\n\`\`\`\n`;

/**
 * A package of Rapport's own repository, in `plugins/<kind>s/<id>`: it shares the repository's compiler settings and tools.
 * Throws `RAPPORT_SCAFFOLD_*`.
 */
export function repositoryPackage(plugin: NewPlugin): Files {
  const template = templateOf(plugin);
  const folder = `plugins/${plugin.kind}s/${plugin.id}`;
  const required = Object.keys(template.requires ?? {}).map((key) => {
    const [kind = '', id = ''] = key.includes('/') ? key.split('/') : ['metric', key];
    return kind === plugin.kind ? `../${id}` : `../../${kind}s/${id}`;
  });
  const references = [...required, '../../../libs/sdk', '../../../libs/testkit']
    .sort()
    .map((path) => `    {\n      "path": "${path}"\n    }`)
    .join(',\n');
  const include = template.document === undefined ? '' : '  "include": ["src", "src/**/*.json"],\n';
  return {
    ...sources(plugin, template),
    'README.md': readme(plugin, template, `npx tsc -b ${folder} && npx vitest run ${folder}`),
    'package.json': json({
      ...manifest(plugin, template),
      license: 'MIT',
      exports: {
        '.': { '@rapport/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
        './package.json': './package.json',
      },
      files: ['dist', '!dist/**/*.test.*', '!dist/.tsbuildinfo'],
      devDependencies: { '@rapport/testkit': caret(plugin.versions.testkit) },
    }),
    'tsconfig.json': `{
  "extends": "../../../tsconfig.base.json",
${include}  "references": [
${references}
  ]
}
`,
  };
}

/** Schemas of a package's own document. */
const SCHEMAS = 'schemas';

/**
 * A package that stands alone, in a team's own repository: `npm install`, `npm test`, `npm run build`, `npm run dev` and `npm run check` work in it.
 * Throws `RAPPORT_SCAFFOLD_*`; `_NAME` also for a name in the scope of Rapport, which belongs to Rapport's own packages.
 */
export function ownPackage(plugin: NewOwnPlugin): Files {
  const { kind, id, name, versions, schemas, registry } = plugin;
  if (name.startsWith('@rapport/')) {
    throw new ScaffoldError(
      'RAPPORT_SCAFFOLD_NAME',
      `"${name}" is in the scope of Rapport's own packages; choose a scope of yours, as in "@acme/${kind}-${id}", or none, as in "rapport-${kind}-${id}"`,
    );
  }
  const template = templateOf(plugin);
  const { document } = template;
  const kindOfDocument = kind === 'segment' || kind === 'playbook' ? kind : null;
  return {
    ...sources(plugin, template),
    ...(document !== undefined && kindOfDocument
      ? {
          [`src/${id}.json`]: document.replace('{', `{\n  "$schema": "../${SCHEMAS}/${kind}.schema.json",`),
          [`${SCHEMAS}/${kind}.schema.json`]: `${JSON.stringify(schemas[kindOfDocument])}\n`,
        }
      : {}),
    ...sample(kind, id),
    'README.md': readme(
      plugin,
      template,
      `npm install
npm test          # the examples of this page${kind === 'metric' ? ', and the metric against its oracle' : ''}
npm run dev       # builds, and shows what it makes of sample/, whenever a file changes
npm run build     # what Rapport loads, in dist/
npm run check     # what else a plugin must be`,
    ),
    'package.json': json({
      ...manifest(plugin, template),
      license: 'UNLICENSED',
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './package.json': './package.json',
      },
      files: ['dist', '!dist/**/*.test.*', 'CHANGELOG.md'],
      scripts: {
        build: 'tsc',
        test: 'vitest run',
        dev: 'rapport dev',
        check: 'rapport plugin check',
        prepack: 'tsc',
      },
      devDependencies: { '@rapport/cli': caret(versions.cli), '@rapport/testkit': caret(versions.testkit), ...pins },
    }),
    'tsconfig.json': `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2023"],
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "exactOptionalPropertyTypes": true,
    "verbatimModuleSyntax": true,
    "skipLibCheck": true,
    "declaration": true,
    "sourceMap": true,
    "rootDir": "src",
    "outDir": "dist"
  },
  "include": [${document === undefined ? '"src"' : '"src", "src/**/*.json"'}]
}
`,
    'vitest.config.ts': `import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The kit tries a metric in many worlds and on two stores; dist holds compiled copies of the tests.
  test: { include: ['src/**/*.test.ts'], testTimeout: 60_000 },
});
`,
    '.gitignore': 'node_modules\ndist\n*.duckdb\n*.duckdb.wal\n',
    // npm reads the settings of the folder that it runs in, not of those above it.
    ...(registry === null ? {} : { '.npmrc': `@rapport:registry=${registry}\n` }),
  };
}
