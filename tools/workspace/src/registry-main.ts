import { serveRegistry } from './registry.js';

/* `npm run registry [-- PORT]`: Rapport's packages, as they are built here, for a project elsewhere. */
const registry = await serveRegistry(Number(process.argv[2] ?? 4873));
console.log(`Rapport's packages are at ${registry.url} until Ctrl-C. In the project that is to use them:

  npm config set @rapport:registry ${registry.url} --location=project
  npm install @rapport/cli
`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void registry.close());
