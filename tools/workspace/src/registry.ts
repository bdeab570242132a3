import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { rcompare } from 'semver';
import { packages, readJson, repository, type PackageJson } from './packages.js';

const run = promisify(execFile);

export interface Registry {
  /** `http://127.0.0.1:4873/` */
  readonly url: string;
  close(): Promise<void>;
}
/** What a `package.json` or an entry of `package-lock.json` says of one version. */
type Version = Readonly<Record<string, unknown>> & { readonly version: string };

/** Versions of each package of others that `package-lock.json` holds. */
function lockedVersions(): ReadonlyMap<string, readonly Version[]> {
  const { packages: entries } = readJson('package-lock.json') as {
    packages: Record<string, Version & { link?: boolean; integrity?: string }>;
  };
  const versions = new Map<string, Version[]>();
  for (const [path, { integrity, ...entry }] of Object.entries(entries)) {
    const name = path.split('node_modules/').at(-1) ?? '';
    if (integrity === undefined || entry.link) continue;
    versions.set(name, [...(versions.get(name) ?? []), { ...entry, dist: { integrity } }]);
  }
  return versions;
}

/**
 * Serves an npm registry on this machine: the packages of this repository as `npm pack` makes them, and of other packages the versions in
 * `package-lock.json`, whose files are npm's own cache's or npmjs.org's. What is installed from it is what would be installed once Rapport is published,
 * and the same tomorrow. Packages must be built.
 *
 * @param port 0 takes a free one
 * @param rapport whether it has the packages of this repository; without them it stands for npmjs.org
 */
export async function serveRegistry(port: number, { rapport = true } = {}): Promise<Registry> {
  const scratch = await mkdtemp(join(tmpdir(), 'rapport-registry-'));
  const own = new Map(rapport ? packages.map((p) => [p.json.name, p]) : []);
  const locked = lockedVersions();
  const packed = new Map<string, Promise<Version>>();

  const pack = async (json: PackageJson, folder: string): Promise<Version> => {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch];
    const { stdout } = await run('npm', args, { cwd: join(repository, folder) });
    const [made] = JSON.parse(stdout) as { filename: string; integrity: string }[];
    if (!made) throw new Error(`npm pack made nothing of ${folder}`);
    return { ...json, dist: { tarball: `${url()}-/${made.filename}`, integrity: made.integrity } };
  };
  const versionsOf = async (name: string): Promise<readonly Version[]> => {
    const mine = own.get(name);
    if (!mine) return locked.get(name) ?? [];
    const version = packed.get(name) ?? pack(mine.json, mine.folder);
    packed.set(name, version);
    return [await version];
  };

  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    const [name = '', file] = decodeURIComponent(path.slice(1)).split('/-/');
    if (path.startsWith('/-/')) {
      createReadStream(join(scratch, basename(path)))
        .on('error', () => response.writeHead(404).end())
        .pipe(response);
    } else if (file !== undefined) {
      response.writeHead(302, { location: `https://registry.npmjs.org${path}` }).end();
    } else {
      const versions = [...(await versionsOf(name))].sort((a, b) => rcompare(a.version, b.version));
      const [latest] = versions;
      // A package changes here without changing its version, so nothing may be kept.
      response.writeHead(latest ? 200 : 404, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      const tarball = (version: string) => `${url()}${name}/-/${basename(name)}-${version}.tgz`;
      const described = versions.map(({ dist, ...version }) => [
        version.version,
        { name, ...version, dist: { tarball: tarball(version.version), ...(dist as object) } },
      ]);
      response.end(
        JSON.stringify(
          latest
            ? { name, 'dist-tags': { latest: latest.version }, versions: Object.fromEntries(described) as object }
            : { error: `${name} is neither a package of Rapport nor in its package-lock.json` },
        ),
      );
    }
  };
  const server = createServer((request, response) => {
    answer(request.url ?? '/', response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ error: String(error) }));
    });
  });
  const url = () => `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    url: url(),
    async close() {
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
      await rm(scratch, { recursive: true, force: true });
    },
  };
}
