// `npx nx g @rapport/workspace:plugin --kind metric --id NAME`: a package that builds, lints and tests at once.
const { sources, titleOf } = require('./sources.cjs');

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

module.exports = async function plugin(tree, { kind, id }) {
  if (!(kind in sources))
    throw new Error(`"${kind}" is not a kind of plugin; write ${Object.keys(sources).join(', ')}`);
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(id)) {
    throw new Error(`"${id}" cannot be a plugin's id; write lower-case words with dashes, as in "time-in-product"`);
  }
  const folder = `plugins/${kind}s/${id}`;
  if (tree.exists(`${folder}/package.json`)) throw new Error(`${folder} is already there; choose another id`);

  const name = `@rapport/${kind}-${id}`;
  const version = (path) => JSON.parse(tree.read(path, 'utf8')).version;
  const sdk = `^${version('libs/sdk/package.json')}`;
  const prettier = await import('prettier');
  const style = JSON.parse(tree.read('.prettierrc.json', 'utf8'));
  const write = async (file, text) =>
    tree.write(`${folder}/${file}`, await prettier.format(text, { ...style, filepath: file }));
  const { source, document, test, requires } = sources[kind](id);

  await write(
    'package.json',
    json({
      name,
      version: '0.1.0',
      description: `${titleOf(id)} (${kind})`,
      license: 'MIT',
      type: 'module',
      keywords: ['rapport-plugin'],
      rapport: { kind, id, sdk, ...(requires && { requires }) },
      exports: {
        '.': { '@rapport/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
        './package.json': './package.json',
      },
      files: ['dist', '!dist/**/*.test.*', '!dist/.tsbuildinfo'],
      peerDependencies: { '@rapport/sdk': sdk },
      devDependencies: { '@rapport/testkit': `^${version('libs/testkit/package.json')}` },
    }),
  );
  await write(
    'tsconfig.json',
    json({
      extends: '../../../tsconfig.base.json',
      ...(document && { include: ['src', 'src/**/*.json'] }),
      references: [{ path: '../../../libs/sdk' }, { path: '../../../libs/testkit' }],
    }),
  );
  await write(
    'README.md',
    `# ${name}

${titleOf(id)}: say in one sentence what this ${kind} is for, whom it serves, and where its definition comes from.

Configure it in \`rapport.json\`:

\`\`\`json
{ "${kind}s": { "${id}": ${kind === 'metric' ? '{ "window": "30d" }' : kind === 'action' ? '{ "url": "https://example.com/" }' : '{ "enabled": true }'} } }
\`\`\`

Say here what every option means, with its unit and default, and which errors a user may see.
`,
  );
  await write('CHANGELOG.md', '# Changelog\n\n## 0.1.0\n\nFirst version.\n');
  if (document) await write(`src/${id}.json`, document);
  await write('src/index.ts', source);
  await write('src/index.test.ts', test);

  const project = JSON.parse(tree.read('tsconfig.json', 'utf8'));
  const references = [...project.references.map(({ path }) => path), `./${folder}`].sort();
  tree.write('tsconfig.json', json({ ...project, references: references.map((path) => ({ path })) }));

  return () =>
    console.log(`
${name} is in ${folder}. Next:
  npm install                 link it, so that Rapport finds it, and enter it in package-lock.json
  npx tsc -b ${folder} && npx vitest run ${folder}
`);
};
