import { checkRequest, repositoryPackage } from '@rapport/scaffold';

/** What a generator needs of Nx's virtual file system. Paths are relative to the repository. */
export interface Tree {
  exists(path: string): boolean;
  read(path: string, encoding: 'utf8'): string | null;
  write(path: string, text: string): void;
}

/**
 * `npx nx g @rapport/workspace:plugin --kind metric --id NAME`: a package that builds, lints, tests and loads at once. The templates are those of
 * `rapport plugin new` too. Returns what Nx calls when the files are written. Throws `RAPPORT_SCAFFOLD_*`, and for an id that is taken.
 */
export function newPlugin(tree: Tree, { kind, id }: { readonly kind: string; readonly id: string }): () => void {
  checkRequest(kind, id);
  const folder = `plugins/${kind}s/${id}`;
  if (tree.exists(`${folder}/package.json`)) throw new Error(`${folder} is already there; choose another id`);

  const json = (path: string): unknown => JSON.parse(tree.read(path, 'utf8') ?? 'null');
  const version = (path: string) => (json(`${path}/package.json`) as { version: string }).version;
  const name = `@rapport/${kind}-${id}`;
  const versions = { sdk: version('libs/sdk'), testkit: version('libs/testkit') };
  for (const [file, text] of Object.entries(repositoryPackage({ kind, id, name, versions })))
    tree.write(`${folder}/${file}`, text);

  const project = json('tsconfig.json') as { references: { path: string }[] };
  const paths = [...project.references.map(({ path }) => path), `./${folder}`].sort();
  const references = paths.map((path) => ({ path }));
  tree.write('tsconfig.json', `${JSON.stringify({ ...project, references }, null, 2)}\n`);

  return () =>
    console.log(`
${name} is in ${folder}. Next:
  npm install                 link it, so that Rapport finds it, and enter it in package-lock.json
  npx tsc -b ${folder} && npx vitest run ${folder}
`);
}
